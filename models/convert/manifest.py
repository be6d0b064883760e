# SPDX-License-Identifier: MIT OR Apache-2.0
"""manifest.py: checks that models/manifest.toml describes the files in models/ (sha256) and their sources as pinned.

    pip install numpy
"""

import hashlib
import tomllib

import common

SOURCES = {
    "yunet_2023mar": common.YUNET, "dlib_resnet29": common.DLIB,
    "sface_2021dec": common.SFACE, "mobilefacenet": common.MOBILEFACENET,
    "blazeface_full_range": common.BLAZEFACE,
}


def main() -> None:
    manifest = tomllib.loads((common.MODELS / "manifest.toml").read_text())
    wrong = []
    for model in manifest["model"]:
        source = SOURCES[model["name"]]
        digest = hashlib.sha256((common.MODELS / model["file"]).read_bytes()).hexdigest()
        pairs = [
            ("sha256", digest), ("source_registry", source.registry), ("source_package", source.package),
            ("source_version", source.version), ("source_file", source.file), ("source_sha256", source.sha256),
        ]
        wrong += [f"{model['name']}: {key} is {value}" for key, value in pairs if model[key] != value]
    if {model["name"] for model in manifest["model"]} != set(SOURCES):
        wrong.append("the manifest does not list each network once")
    if wrong:
        raise SystemExit("manifest.toml disagrees:\n" + "\n".join(wrong))
    print(f"manifest.toml agrees with {len(SOURCES)} files")


if __name__ == "__main__":
    main()
