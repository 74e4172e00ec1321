// index: makes one multi-platform image of several images in an image layout.
//
//     index LAYOUT NEW-NAME NAME...
//
// Each name stands for one image; no two may be for the same platform. The
// index takes the place of what had the new name. Its digest is printed.
//
//     index layout hello:1.0 hello-amd64 hello-arm64
//
// c++ -std=c++17 index.cpp -o index $(pkg-config --cflags --libs ocilayout)

#include <ocilayout.hpp>

#include <exception>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>

namespace oci = oci_layout;

// The one image of this name.
oci::Descriptor image(const oci::Layout &layout, const std::string &name) {
    // What a lambda throws comes out of the call that it was given to.
    auto entries = layout.list([&](oci::DescriptorView entry) {
        if (entry.reference() != name)
            return false;
        if (entry.media_type() != oci::media_type::image_manifest
            && entry.media_type() != "application/vnd.docker.distribution.manifest.v2+json")
            throw std::runtime_error(name + ": not an image but " + std::string(entry.media_type()));
        return true;
    });
    if (entries.size() != 1)
        throw std::runtime_error(name + ": expected one image of this name, found "
                                 + std::to_string(entries.size()));

    // What stands in a list goes with the list.
    return entries[0].copy();
}

// Clients take the first image for their platform: they would never see a second
// one, nor one that tells none.
void check_platforms(const oci::Layout &layout, const oci::Descriptor &index) {
    std::set<std::string> platforms;
    for (auto image : layout.children(index)) {
        if (!image.platform())
            throw std::runtime_error(std::string(image.digest()) + ": tells no platform");
        if (!platforms.emplace(*image.platform()).second)
            throw std::runtime_error("two images for " + std::string(*image.platform()));
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        std::cerr << "usage: index LAYOUT NEW-NAME NAME...\n";
        return 2;
    }
    const char *new_name = argv[2];
    try {
        auto layout = oci::Layout::open(argv[1]);
        oci::Index builder(layout);
        for (int i = 3; i < argc; i++)
            builder.add_manifest(image(layout, argv[i]));
        auto index = builder.finish();
        check_platforms(layout, index);
        layout.replace(oci::Match::reference(new_name), index, new_name);
        std::cout << index.digest() << std::endl;
        if (!std::cout)
            throw std::runtime_error("standard output: cannot be written");
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "index: " << error.what() << '\n';
        return 1;
    }
}
