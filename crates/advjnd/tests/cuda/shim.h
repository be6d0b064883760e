// SPDX-License-Identifier: MIT OR Apache-2.0
// What candle's CUDA kernels want of the compiler, for g++: one thread plays all of the device, one after the other.
// It takes the place of candle's `compatibility.cuh`. There is no half precision, and no kernel whose threads wait for
// each other.
#pragma once

#include <math.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#define __global__
#define __device__ inline
#define __host__
#define __forceinline__
#define __shared__ static

struct Index {
    unsigned x, y, z;
};

struct alignas(16) float4 {
    float x, y, z, w;
};

// Named by templates that nobody uses.
struct __nv_fp8_e4m3 {
    unsigned char __x;
    explicit __nv_fp8_e4m3(double);
};
enum __nv_fp8_interpretation_t { __NV_E4M3 };
float __nv_cvt_fp8_to_halfraw(unsigned char, __nv_fp8_interpretation_t);
float __half2float(float);

extern Index threadIdx, blockIdx, blockDim, gridDim;

// CUDA's take any two numbers.
template <typename A, typename B>
typename std::common_type<A, B>::type min(A a, B b) {
    typename std::common_type<A, B>::type left = a, right = b;
    return right < left ? right : left;
}

template <typename A, typename B>
typename std::common_type<A, B>::type max(A a, B b) {
    typename std::common_type<A, B>::type left = a, right = b;
    return left < right ? right : left;
}

template <typename T>
T atomicAdd(T *address, T value) {
    T old = *address;
    *address = old + value;
    return old;
}

inline float normcdff(float x) { return 0.5f * std::erfc(-x * 0.70710678f); }
inline double normcdf(double x) { return 0.5 * std::erfc(-x * 0.7071067811865476); }

[[noreturn]] void __syncthreads();

// A kernel by its name, and how it is called with the pointers to its parameters that a launch has.
using Launch = void (*)(void **parameters);
void enter(const char *name, Launch launch);

template <typename... Parameters, std::size_t... At>
void call(void (*kernel)(Parameters...), void **parameters, std::index_sequence<At...>) {
    kernel(*static_cast<typename std::remove_reference<Parameters>::type *>(parameters[At])...);
}

template <auto kernel, typename... Parameters>
Launch launcher(void (*)(Parameters...)) {
    return [](void **parameters) { call(kernel, parameters, std::index_sequence_for<Parameters...>{}); };
}

#define ENTER(kernel) enter(#kernel, launcher<kernel>(kernel))
