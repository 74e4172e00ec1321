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

#include <ocilayout.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

// Objects of the library that free themselves.
template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T *object) const noexcept {
        Free(object);
    }
};
using Layout = std::unique_ptr<ocilayout, Deleter<ocilayout_free>>;
using Descriptor = std::unique_ptr<ocilayout_descriptor, Deleter<ocilayout_descriptor_free>>;
using Descriptors = std::unique_ptr<ocilayout_descriptors, Deleter<ocilayout_descriptors_free>>;
using Index = std::unique_ptr<ocilayout_index, Deleter<ocilayout_index_free>>;

// Why a call failed, as an exception.
class Error : public std::runtime_error {
public:
    explicit Error(const ocilayout_error *error)
        : std::runtime_error(ocilayout_error_message(error)),
          status_(ocilayout_error_status(error)) {}

    ocilayout_status status() const noexcept { return status_; }

private:
    ocilayout_status status_;
};

void check(ocilayout_status status, ocilayout_error *error) {
    std::unique_ptr<ocilayout_error, Deleter<ocilayout_error_free>> owned(error);
    if (status != OCILAYOUT_OK)
        throw Error(error);
}

// Calls a function; it throws where the function fails.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
    ocilayout_error *error = nullptr;
    ocilayout_status status = function(arguments..., &error);
    check(status, error);
}

// Calls a function that hands out an object, and owns what it hands out.
template <class Owner, class Function, class... Arguments>
Owner make(Function function, Arguments... arguments) {
    typename Owner::pointer out = nullptr;
    call(function, arguments..., &out);
    return Owner(out);
}

// The entries that filter means: any callable that takes a descriptor and
// returns a bool, and may throw.
//
// An exception must not pass through the library. So the callback catches it
// and stops the call, and it goes on from here.
template <class Filter>
Descriptors list(const Layout &layout, Filter filter) {
    struct Context {
        Filter &filter;
        std::exception_ptr thrown;
    } context{filter, nullptr};

    // Captures nothing, so it is a plain function pointer.
    ocilayout_match_fn callback = [](void *userdata,
                                     const ocilayout_descriptor *entry) noexcept -> std::int32_t {
        auto *own = static_cast<Context *>(userdata);
        try {
            return own->filter(entry) ? 1 : 0;
        } catch (...) {
            own->thrown = std::current_exception();
            return -1;
        }
    };
    try {
        return make<Descriptors>(ocilayout_list, layout.get(), nullptr, callback, &context);
    } catch (const Error &error) {
        if (error.status() == OCILAYOUT_ERR_CALLBACK)
            std::rethrow_exception(context.thrown);
        throw;
    }
}

// The one image of this name.
Descriptor image(const Layout &layout, const std::string &name) {
    auto entries = list(layout, [&](const ocilayout_descriptor *entry) {
        const char *reference = ocilayout_descriptor_reference(entry);
        if (!reference || name != reference)
            return false;
        const std::string type = ocilayout_descriptor_media_type(entry);
        if (type != OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST
            && type != "application/vnd.docker.distribution.manifest.v2+json")
            throw std::runtime_error(name + ": not an image but " + type);
        return true;
    });
    if (ocilayout_descriptors_count(entries.get()) != 1)
        throw std::runtime_error(name + ": expected one image of this name, found "
                                 + std::to_string(ocilayout_descriptors_count(entries.get())));

    // What stands in a list goes with the list.
    return make<Descriptor>(ocilayout_descriptor_copy, ocilayout_descriptors_at(entries.get(), 0));
}

// Clients take the first image for their platform: they would never see a second
// one, nor one that tells none.
void check_platforms(const Layout &layout, const Descriptor &index) {
    auto images = make<Descriptors>(ocilayout_children, layout.get(), index.get());
    std::set<std::string> platforms;
    for (std::size_t i = 0; i < ocilayout_descriptors_count(images.get()); i++) {
        const auto *image = ocilayout_descriptors_at(images.get(), i);
        const char *platform = ocilayout_descriptor_platform(image);
        if (!platform)
            throw std::runtime_error(std::string(ocilayout_descriptor_digest(image))
                                     + ": tells no platform");
        if (!platforms.insert(platform).second)
            throw std::runtime_error(std::string("two images for ") + platform);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        std::cerr << "usage: index LAYOUT NEW-NAME NAME...\n";
        return 2;
    }
    const char *new_name = argv[2];
    try {
        auto layout = make<Layout>(ocilayout_open, argv[1], 0);
        auto builder = make<Index>(ocilayout_index_new, layout.get());
        for (int i = 3; i < argc; i++)
            call(ocilayout_index_add_manifest, builder.get(), image(layout, argv[i]).get());
        auto index = make<Descriptor>(ocilayout_index_finish, builder.get());
        check_platforms(layout, index);

        using Match = std::unique_ptr<ocilayout_match, Deleter<ocilayout_match_free>>;
        auto same_name = make<Match>(ocilayout_match_reference, new_name);
        call(ocilayout_replace, layout.get(), same_name.get(), nullptr, nullptr, index.get(),
             new_name, 0, nullptr);
        std::cout << ocilayout_descriptor_digest(index.get()) << std::endl;
        if (!std::cout)
            throw std::runtime_error("standard output: cannot be written");
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "index: " << error.what() << '\n';
        return 1;
    }
}
