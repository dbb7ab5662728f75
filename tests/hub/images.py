"""Images made on the spot, without network: the same bytes for the same arguments."""

import gzip
import hashlib
import io
import json
import platform
import random
import tarfile
from pathlib import Path

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
EMPTY_DIGEST = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
APPLETS = ("sh", "ls", "cat", "echo", "env", "id", "mkdir", "mount", "ps", "rm", "sleep", "uname", "vi", "wget")
BUSYBOX = Path("/bin/busybox")
BLOCK = 1 << 20


def native_architecture():
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def random_blocks(size, seed):
    source = random.Random(seed)
    while size > 0:
        yield source.randbytes(min(size, BLOCK))
        size -= BLOCK


def random_bytes(size, seed):
    return b"".join(random_blocks(size, seed))


class Images:
    """Builds images and pushes them into `storage`. `oci` chooses OCI or Docker media types."""

    def __init__(self, storage, scratch):
        self._storage, self._scratch = storage, Path(scratch)

    def blob(self, repository, size, seed):
        """A blob of random bytes without a manifest. Gives its digest."""
        if size <= 16 * BLOCK:
            return self._storage.push_blob(repository, random_bytes(size, seed))[0]
        path = self._scratch / f"blob-{size}-{hashlib.sha256(str(seed).encode()).hexdigest()[:12]}"
        with open(path, "wb") as file:
            file.writelines(random_blocks(size, seed))
        try:
            return self._storage.push_blob(repository, path)[0]
        finally:
            path.unlink()

    def blobs(self, repository, sizes, seed):
        """Many small blobs of random bytes. Gives their digests."""
        source = random.Random(seed)
        return [self._storage.place_blob(repository, source.randbytes(size)) for size in sizes]

    def image(self, repository, tag, layers, oci=True, architecture=None):
        """One platform's image of the given uncompressed tar layers. Gives its descriptor."""
        architecture = architecture or native_architecture()
        descriptors = [self._descriptor(repository, OCI_LAYER if oci else DOCKER_LAYER, _gzip(layer))
                       for layer in layers]
        config = _config(layers, architecture)
        config = self._descriptor(repository, OCI_CONFIG if oci else DOCKER_CONFIG, json.dumps(config).encode())
        media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
        manifest = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": descriptors}
        digest, size = self._storage.push_manifest(repository, tag, media_type, manifest)
        return {"mediaType": media_type, "digest": digest, "size": size,
                "platform": {"architecture": architecture, "os": "linux"}}

    def index(self, repository, tag, members, oci=True):
        media_type = OCI_INDEX if oci else DOCKER_LIST
        value = {"schemaVersion": 2, "mediaType": media_type, "manifests": members}
        return self._storage.push_manifest(repository, tag, media_type, value)[0]

    def random_image(self, repository, tag, sizes, seed, oci=True):
        """An image whose layers hold random files of the given sizes. Gives its digest."""
        layers = [tar({f"data/{i}": random_bytes(size, f"{seed}-{i}")}) for i, size in enumerate(sizes)]
        return self.image(repository, tag, layers, oci)["digest"]

    def busybox_image(self, repository, tags, oci=True):
        """A multi-arch index; the entry of this machine's architecture can be run."""
        native = native_architecture()
        foreign = "arm64" if native == "amd64" else "amd64"
        members = [self.image(repository, None, [busybox_layer()], oci, native),
                   self.image(repository, None, [tar({"etc/arch": foreign.encode()})], oci, foreign)]
        return [self.index(repository, tag, members, oci) for tag in tags][0]

    def image_with_empty_layer(self, repository, tag):
        """An image with a layer blob of no bytes at all."""
        config = self._descriptor(repository, OCI_CONFIG, json.dumps(_config([b""], native_architecture())).encode())
        layer = self._descriptor(repository, OCI_PLAIN_LAYER, b"")
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
        return self._storage.push_manifest(repository, tag, OCI_MANIFEST, manifest)[0]

    def _descriptor(self, repository, media_type, data):
        digest, size = self._storage.push_blob(repository, data)
        return {"mediaType": media_type, "digest": digest, "size": size}


def tar(files, links=None):
    """A tar of {name: bytes} and symbolic {name: target}, with nothing in it that changes between runs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for directory in sorted({str(parent) for name in files for parent in Path(name).parents} - {"."}):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
        for name, target in sorted((links or {}).items()):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def busybox_layer():
    files = {"etc/os-release": b'ID=longshore-sample\nPRETTY_NAME="Longshore sample image"\n',
             "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "root/.keep": b"", "tmp/.keep": b""}
    if not BUSYBOX.exists():
        return tar(files)
    return tar({**files, "bin/busybox": BUSYBOX.read_bytes()}, {f"bin/{name}": "busybox" for name in APPLETS})


def _gzip(data):
    return gzip.compress(data, 1, mtime=0)


def _config(layers, architecture):
    return {"architecture": architecture, "os": "linux", "created": "2026-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"
                                                      for layer in layers]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "local hub"} for _ in layers]}
