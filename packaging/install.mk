# Installs what `make` has built, by install, sed and ln alone: root needs no cargo.
# Where things are found later is said by PREFIX and what follows from it; DESTDIR is
# only the folder in which the tree is put together.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/ocilayout
MANDIR ?= $(PREFIX)/share/man

# What Rust's standard library takes from the system (rustc --print native-static-libs),
# but for -lgcc_s and -lc: compilers add these themselves, and where all is linked
# statically what stands in for -lgcc_s, which is only shared.
STATIC_LIBS := -lutil -lrt -lpthread -lm -ldl

HEADERS := $(wildcard include/*)
PROGRAMS := $(wildcard examples-c/*)
MAN_PAGES := $(wildcard docs/man/*.3)
GUIDE := $(wildcard docs/guide/*)
DOCUMENTS := README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT $(wildcard docs/*.*)

TO_LIBRARY := $(DESTDIR)$(LIBDIR)
TO_HEADERS := $(DESTDIR)$(INCLUDEDIR)
TO_PKGCONFIG := $(TO_LIBRARY)/pkgconfig
TO_CMAKE := $(TO_LIBRARY)/cmake/ocilayout
TO_DOCUMENTS := $(DESTDIR)$(DOCDIR)
TO_PROGRAMS := $(TO_DOCUMENTS)/examples
TO_GUIDE := $(TO_DOCUMENTS)/guide
TO_MAN_PAGES := $(DESTDIR)$(MANDIR)/man3

FILL_IN := sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	-e 's|@VERSION@|$(VERSION)|' -e 's|@SOVERSION@|$(SOVERSION)|' -e 's|@STATIC_LIBS@|$(STATIC_LIBS)|'
# pkg-config can be told of another prefix, if the paths are said from it on.
FROM_PREFIX := sed -e 's|=$(PREFIX)/|=$${prefix}/|'

# Files, and the folder that they go to.
PUT = $(if $(1),install -d $(2) && install -m 644 $(1) $(2))

.PHONY: install uninstall

install: | $(LIBRARY) $(ARCHIVE)
	install -d $(TO_LIBRARY) $(TO_PKGCONFIG) $(TO_CMAKE)
	install -m 755 $(LIBRARY) $(TO_LIBRARY)/libocilayout.so.$(VERSION)
	ln -sf libocilayout.so.$(VERSION) $(TO_LIBRARY)/libocilayout.so.$(SOVERSION)
	ln -sf libocilayout.so.$(SOVERSION) $(TO_LIBRARY)/libocilayout.so
	$(call PUT,$(ARCHIVE),$(TO_LIBRARY))
	$(call PUT,$(HEADERS),$(TO_HEADERS))
	$(FILL_IN) packaging/ocilayout.pc.in | $(FROM_PREFIX) | install -m 644 /dev/stdin $(TO_PKGCONFIG)/ocilayout.pc
	$(FILL_IN) packaging/ocilayout-config.cmake.in | install -m 644 /dev/stdin $(TO_CMAKE)/ocilayout-config.cmake
	$(FILL_IN) packaging/ocilayout-config-version.cmake.in | install -m 644 /dev/stdin $(TO_CMAKE)/ocilayout-config-version.cmake
	$(call PUT,$(DOCUMENTS),$(TO_DOCUMENTS))
	$(call PUT,$(GUIDE),$(TO_GUIDE))
	$(call PUT,$(PROGRAMS),$(TO_PROGRAMS))
	$(call PUT,$(MAN_PAGES),$(TO_MAN_PAGES))

uninstall:
	rm -f $(addprefix $(TO_LIBRARY)/,libocilayout.so.$(VERSION) libocilayout.so.$(SOVERSION) libocilayout.so libocilayout.a)
	rm -f $(addprefix $(TO_HEADERS)/,$(notdir $(HEADERS)))
	rm -f $(TO_PKGCONFIG)/ocilayout.pc $(addprefix $(TO_MAN_PAGES)/,$(notdir $(MAN_PAGES)))
	rm -rf $(TO_CMAKE) $(TO_DOCUMENTS)
