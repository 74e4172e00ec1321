// What the programs in this folder share.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <ocilayout.hpp>

#include <cstdio>
#include <string>

namespace oci = oci_layout;

// What FIPS 180-4 says of "abc".
inline constexpr char ABC[] =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

inline int failures = 0;

#define CHECK(condition)                                                \
    do {                                                                \
        if (!(condition)) {                                             \
            std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            ++failures;                                                 \
        }                                                               \
    } while (false)

// The part that is compiled without exceptions.
void returning(const std::string &folder);

#endif
