// SPDX-License-Identifier: MIT OR Apache-2.0
// A stand-in for the CUDA driver, cuBLAS and cuRAND, as far as candle calls them for the networks: memory is the
// processor's, kernels are candle's own, compiled by g++, and a launch is a loop over blocks and threads. New memory is
// filled with 0xff, which is no number. What it did stands in the device's name.
//
// SOFTCUDA=none has no device; SOFTCUDA=wrong adds up wrongly in products of matrices.

#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

Index threadIdx, blockIdx, blockDim, gridDim;

namespace {

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, NOT_FOUND = 500 };

using Pointer = unsigned long long;

struct Counts {
    unsigned long kernels, products, uploads, copies, fills, allocations, frees;
};

std::mutex lock;
Counts counts;
std::unordered_map<Pointer, size_t> live;
size_t live_bytes;

std::map<std::string, Launch> &kernels() {
    static std::map<std::string, Launch> entered;
    return entered;
}

bool behaves(const char *how) {
    const char *asked = std::getenv("SOFTCUDA");
    return asked && std::strcmp(asked, how) == 0;
}

int allocate(Pointer *pointer, size_t bytes) {
    std::lock_guard<std::mutex> guard(lock);
    void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) return OUT_OF_MEMORY;
    std::memset(memory, 0xff, (bytes + 255) / 256 * 256);
    *pointer = reinterpret_cast<Pointer>(memory);
    counts.allocations++;
    live[*pointer] = bytes;
    live_bytes += bytes;
    return SUCCESS;
}

int release(Pointer pointer) {
    std::lock_guard<std::mutex> guard(lock);
    auto found = live.find(pointer);
    if (found == live.end()) return INVALID_VALUE;
    live_bytes -= found->second;
    live.erase(found);
    std::free(reinterpret_cast<void *>(pointer));
    counts.frees++;
    return SUCCESS;
}

// Some handle that is not null.
int hand_out(void **handle) {
    static char thing;
    *handle = &thing;
    return SUCCESS;
}

// Column by column, as cuBLAS has it: c = a b, where an operand may lie turned.
void multiply(bool a_turned, bool b_turned, int m, int n, int k, const float *a, int lda, const float *b, int ldb,
              float *c, int ldc) {
    std::vector<double> sums(m);
    for (int column = 0; column < n; column++) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int inner = 0; inner < k; inner++) {
            double factor = b_turned ? b[column + static_cast<size_t>(inner) * ldb]
                                     : b[inner + static_cast<size_t>(column) * ldb];
            if (a_turned) {
                for (int row = 0; row < m; row++) sums[row] += a[inner + static_cast<size_t>(row) * lda] * factor;
            } else {
                const float *own = a + static_cast<size_t>(inner) * lda;
                for (int row = 0; row < m; row++) sums[row] += own[row] * factor;
            }
        }
        std::copy(sums.begin(), sums.end(), c + static_cast<size_t>(column) * ldc);
    }
}

}  // namespace

void __syncthreads() {
    std::fputs("softcuda: a kernel whose threads wait for each other\n", stderr);
    std::abort();
}

void enter(const char *name, Launch launch) { kernels()[name] = launch; }

#define API extern "C" __attribute__((visibility("default")))

API int cuInit(unsigned) { return behaves("none") ? NO_DEVICE : SUCCESS; }
API int cuDeviceGetCount(int *count) { return *count = 1, SUCCESS; }
API int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, ordinal == 0 ? SUCCESS : INVALID_DEVICE; }
API int cuDeviceGetAttribute(int *value, int, int) { return *value = 1, SUCCESS; }

API int cuDeviceGetName(char *name, int length, int) {
    std::lock_guard<std::mutex> guard(lock);
    std::snprintf(name, length, "stand-in %lu %lu %lu %lu %lu %lu %lu %zu", counts.kernels, counts.products,
                  counts.uploads, counts.copies, counts.fills, counts.allocations, counts.frees, live_bytes);
    return SUCCESS;
}

API int cuDevicePrimaryCtxRetain(void **context, int) { return hand_out(context); }
API int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API int cuCtxGetCurrent(void **context) { return hand_out(context); }
API int cuCtxSetCurrent(void *) { return SUCCESS; }
API int cuCtxSynchronize() { return SUCCESS; }

API int cuStreamCreate(void **stream, unsigned) { return hand_out(stream); }
API int cuStreamDestroy_v2(void *) { return SUCCESS; }
API int cuStreamSynchronize(void *) { return SUCCESS; }
API int cuStreamWaitEvent(void *, void *, unsigned) { return SUCCESS; }
API int cuStreamIsCapturing(void *, int *status) { return *status = 0, SUCCESS; }
API int cuEventCreate(void **event, unsigned) { return hand_out(event); }
API int cuEventDestroy_v2(void *) { return SUCCESS; }
API int cuEventRecord(void *, void *) { return SUCCESS; }

API int cuMemAllocAsync(Pointer *pointer, size_t bytes, void *) { return allocate(pointer, bytes); }
API int cuMemAlloc_v2(Pointer *pointer, size_t bytes) { return allocate(pointer, bytes); }
API int cuMemFreeAsync(Pointer pointer, void *) { return release(pointer); }
API int cuMemFree_v2(Pointer pointer) { return release(pointer); }

API int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, void *) {
    std::lock_guard<std::mutex> guard(lock);
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    counts.uploads++;
    return SUCCESS;
}

API int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, void *) {
    std::memcpy(to, reinterpret_cast<void *>(from), bytes);
    return SUCCESS;
}

API int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void *) {
    std::lock_guard<std::mutex> guard(lock);
    std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
    counts.copies++;
    return SUCCESS;
}

API int cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes, void *) {
    std::lock_guard<std::mutex> guard(lock);
    std::memset(reinterpret_cast<void *>(to), value, bytes);
    counts.fills++;
    return SUCCESS;
}

API int cuModuleLoadData(void **module, const void *) { return hand_out(module); }
API int cuModuleUnload(void *) { return SUCCESS; }

API int cuModuleGetFunction(void **function, void *, const char *name) {
    auto found = kernels().find(name);
    if (found == kernels().end()) {
        std::fprintf(stderr, "softcuda: no kernel %s\n", name);
        return NOT_FOUND;
    }
    *function = reinterpret_cast<void *>(found->second);
    return SUCCESS;
}

API int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                       unsigned block_y, unsigned block_z, unsigned, void *, void **parameters, void **) {
    std::lock_guard<std::mutex> guard(lock);
    if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || block_x > 1024) return INVALID_VALUE;
    gridDim = {grid_x, 1, 1};
    blockDim = {block_x, 1, 1};
    for (unsigned block = 0; block < grid_x; block++) {
        blockIdx = {block, 0, 0};
        for (unsigned thread = 0; thread < block_x; thread++) {
            threadIdx = {thread, 0, 0};
            reinterpret_cast<Launch>(function)(parameters);
        }
    }
    counts.kernels++;
    return SUCCESS;
}

API int cuGetErrorName(int, const char **text) { return *text = "SOFTCUDA_ERROR", SUCCESS; }

API int cuGetErrorString(int error, const char **text) {
    *text = error == NO_DEVICE ? "no CUDA-capable device is detected" : "refused by the stand-in";
    return SUCCESS;
}

API int cublasCreate_v2(void **handle) { return hand_out(handle); }
API int cublasDestroy_v2(void *) { return SUCCESS; }
API int cublasSetStream_v2(void *, void *) { return SUCCESS; }

API int cublasGemmStridedBatchedEx(void *, int a_turned, int b_turned, int m, int n, int k, const void *alpha,
                                   const void *a, int, int lda, long long a_step, const void *b, int, int ldb,
                                   long long b_step, const void *beta, void *c, int c_type, int ldc, long long c_step,
                                   int batch, int, int) {
    std::lock_guard<std::mutex> guard(lock);
    // Single precision, no factors: all that the networks want.
    if (c_type != 0 || *static_cast<const float *>(alpha) != 1.0f || *static_cast<const float *>(beta) != 0.0f) {
        return INVALID_VALUE;
    }
    for (int sample = 0; sample < batch; sample++) {
        multiply(a_turned != 0, b_turned != 0, m, n, k, static_cast<const float *>(a) + sample * a_step, lda,
                 static_cast<const float *>(b) + sample * b_step, ldb, static_cast<float *>(c) + sample * c_step, ldc);
    }
    if (behaves("wrong")) *static_cast<float *>(c) += 1.0f;
    counts.products++;
    return SUCCESS;
}

// Linked, and never called by the networks.
API int cuCtxDestroy_v2(void *) { return INVALID_VALUE; }
API int cuModuleLoad(void **, const char *) { return INVALID_VALUE; }
API int cuMemcpyPeerAsync(Pointer, void *, Pointer, void *, size_t, void *) { return INVALID_VALUE; }
API int cublasDgemmStridedBatched() { return INVALID_VALUE; }

API int curandCreateGenerator(void **generator, int) { return hand_out(generator); }
API int curandDestroyGenerator(void *) { return SUCCESS; }
API int curandSetStream(void *, void *) { return SUCCESS; }
API int curandSetPseudoRandomGeneratorSeed(void *, unsigned long long) { return SUCCESS; }
