# The front door: `make run` packs a real root filesystem, `make test` runs all
# that there is to run. Both install what they need, if they may.

CARGO ?= cargo
CC ?= cc

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# libocilayout.so.0.1 of version 0.1.0, as src/build.rs names it.
SOVERSION := $(basename $(VERSION))
RELEASE := target/release
LIBRARY := $(RELEASE)/libocilayout.so
ARCHIVE := $(RELEASE)/libocilayout.a
# Where cargo leaves the library that the tests have built.
TESTED := $(or $(CARGO_TARGET_DIR),target)/debug/deps
EXAMPLES := target/examples-c
DEBS := target/deb

TEST_TOOLS := gcc g++ clang nm readelf valgrind strace skopeo umoci docker-registry \
	zstd gzip pigz bsdtar bindfs go python3 mount findmnt nbdkit nbdfuse mkfs.ext4 mkfs.xfs \
	mkfs.btrfs filefrag tar setpriv setcap setfacl setfattr pkg-config cmake abidiff doxygen mandoc groff

BENCH_TOOLS := cc pkg-config git go python3 debootstrap findmnt time skopeo umoci \
	gzip pigz igzip zstd tar bsdtar perf taskset autoconf automake libtoolize nasm

.PHONY: all run test test-go sanitize soak compare-crashes bench bench-quick bench-page bench-tools docs header \
	size deb check-packages check-cargo-c abi abi-baseline clean

all:
	@tools/setup cc
	$(CARGO) build --release --target-dir target
	ln -sf libocilayout.so $(LIBRARY).$(SOVERSION)

$(LIBRARY) $(ARCHIVE) &:
	$(MAKE) all

include packaging/install.mk

run: all
	@tools/setup cc tar
	@mkdir -p $(EXAMPLES)
	$(CC) -O2 -Iinclude examples-c/pack.c -o $(EXAMPLES)/pack -L$(RELEASE) -locilayout -Wl,-rpath,$(CURDIR)/$(RELEASE)
	$(CC) -O2 -Iinclude examples-c/list.c -o $(EXAMPLES)/list -L$(RELEASE) -locilayout -Wl,-rpath,$(CURDIR)/$(RELEASE)
	tools/rootfs-tar target/rootfs.tar
	$(EXAMPLES)/pack target/layout rootfs target/rootfs.tar
	$(EXAMPLES)/list target/layout

# Where a tool cannot be installed its tests say that they are skipped, which in
# CI is a failure.
test:
	@tools/setup $(TEST_TOOLS) || test -z "$$CI"
	$(CARGO) fmt --all --check
	$(CARGO) metadata --locked --quiet --format-version 1 --manifest-path benches/ours-rust/Cargo.toml >/dev/null
	$(CARGO) clippy --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --no-deps --locked
	$(CARGO) test --locked
	$(MAKE) test-go
	tools/sanitize

# The Go packages, against what is installed of the library that the other tests have built.
test-go:
	@tools/setup go cc pkg-config skopeo docker-registry || test -z "$$CI"
	$(CARGO) test --locked --no-run --test symbols
	@$(MAKE) --silent install PREFIX=$(CURDIR)/target/prefix LIBRARY=$(TESTED)/libocilayout.so ARCHIVE=$(TESTED)/libocilayout.a
	tools/test-go $(CURDIR)/target/prefix

# The tests of many threads with the sanitizers for addresses and for threads.
sanitize:
	@tools/setup cc python3
	tools/sanitize

# The tests of crashes and faults again and again, for hours; each seed is
# printed. Stopped and started again it goes on where it was.
soak:
	@tools/setup $(TEST_TOOLS)
	$(CARGO) test --release --locked --test torture -- soak

# Prints what power cuts do to layouts of this library and of other writers.
compare-crashes:
	@tools/setup $(TEST_TOOLS) pkg-config
	$(CARGO) test --release --locked --test torture -- power worker compare

# Measures this library and its peers side by side; what it makes stays in
# target/bench. The quick form takes two minutes, the whole twenty; the last one
# writes the page of the docs as well.
bench: bench-tools
	benches/run.py

bench-quick: bench-tools
	benches/run.py --quick

bench-page: bench-tools
	@mkdir -p docs
	benches/run.py --json target/bench/results.json \
		--plot docs/benchmarks.svg --page docs/benchmarks.md

bench-tools: all
	@tools/setup $(BENCH_TOOLS)

# Renders the guide and the header, which is the manual, into target/docs/html.
docs:
	@tools/setup doxygen
	@mkdir -p target/docs
	doxygen docs/doxygen/Doxyfile

# Writes include/ocilayout.h and tests/symbols.txt anew from the sources.
header:
	UPDATE_HEADER=1 $(CARGO) test --quiet --test header
	UPDATE_SYMBOLS=1 $(CARGO) test --quiet --test symbols

# Prints what the README says of the library's weight, and fails where it is more.
size: all
	@tools/setup cc nm
	@tools/size $(LIBRARY)

# Makes the Debian packages, in target/deb. They are nobody's upload to Debian.
deb: all
	@tools/setup dpkg-buildpackage dh lintian
	rm -rf $(DEBS) && mkdir -p $(DEBS)
	DEBS=$(DEBS) dpkg-buildpackage --build=binary --no-sign --post-clean \
		--buildinfo-option=-u$(DEBS) --buildinfo-file=$(DEBS)/ocilayout.buildinfo \
		--changes-option=-u$(DEBS) --changes-file=$(DEBS)/ocilayout.changes
	lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs $(DEBS)/ocilayout.changes

# In a bare Debian: installs in each way, and builds programs by what the README says.
check-packages: deb
	@tools/setup debootstrap
	tools/check-packages $(DEBS)

# cargo-c installs the same: it is to be installed before, by cargo install cargo-c.
check-cargo-c: all
	@tools/setup cc nm readelf pkg-config
	tools/check-cargo-c

# Says what became of the interface since the last release; the other one writes down
# the interface of a release, which later ones are compared with.
abi:
	@tools/setup gcc abidiff
	@$(CARGO) test --quiet --locked --test abi the_version

abi-baseline:
	@tools/setup gcc abidiff
	UPDATE_ABI=1 $(CARGO) test --quiet --locked --test abi the_version

clean:
	$(CARGO) clean
