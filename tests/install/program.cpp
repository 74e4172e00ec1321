// The same in C++.
#include <ocilayout.h>
#if __has_include(<ocilayout.hpp>)
#include <ocilayout.hpp>
#endif
#include <iostream>
#include <memory>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    ocilayout *opened = nullptr;
    if (ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &opened, nullptr) != OCILAYOUT_OK) return 1;
    std::unique_ptr<ocilayout, decltype(&ocilayout_free)> layout(opened, ocilayout_free);
    std::cout << OCILAYOUT_VERSION_MAJOR << '.' << OCILAYOUT_VERSION_MINOR << '.'
              << OCILAYOUT_VERSION_PATCH << ' ' << ocilayout_version() << '\n';
    return ocilayout_version_number() != OCILAYOUT_VERSION_NUMBER;
}
