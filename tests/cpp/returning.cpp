// The form without exceptions, in a file that is compiled with -fno-exceptions and linked with one
// that is not.
#include "check.hpp"

#include <cerrno>
#include <fstream>
#include <istream>
#include <iterator>
#include <sstream>

// A row of calls, one look at its end.
static oci::Descriptor pack(const oci::Layout &layout, const oci::Text &platform, oci::Error &err) {
    std::istringstream tar("no tar at all");
    auto options =
        oci::BlobOptions().set_compression(oci::Compression::gzip, oci::level_default, err);
    auto layer = layout.blob_put(tar, options, {}, err);
    auto manifest = oci::Image(layout, err)
                        .set_platform(platform, err)
                        .set_entrypoint({"/bin/hello", "world"}, err)
                        .add_layer(layer, {}, "packed", err)
                        .finish(err);
    layout.append(manifest, "returned", {}, err);
    return manifest;
}

static void a_row_of_calls_needs_one_look(const oci::Layout &layout) {
    oci::Error err;
    auto manifest = pack(layout, "linux/amd64", err);
    CHECK(!err && err.status() == oci::Status::ok && err.what() == std::string());
    CHECK(manifest.platform() == "linux/amd64");
    CHECK(layout.resolve("returned", "linux/amd64", err).digest() == manifest.digest());

    // The first failure is the one that is told; nothing behind it is done.
    manifest = pack(layout, "no platform", err);
    CHECK(err && err.status() == oci::Status::invalid_argument);
    CHECK(std::string(err.what()).find("platform") != std::string::npos);
    CHECK(!manifest);
    CHECK(layout.list({}, err).empty());
    err.clear();
    CHECK(layout.list({}, err).size() == 1);
}

static void errors_tell_what_c_does(const oci::Layout &layout, const std::string &folder) {
    oci::Error err;
    CHECK(layout.blob_size(ABC, err) == 0 && err.status() == oci::Status::not_found);
    CHECK(err.what() != std::string(oci::name(err.status())));

    err.clear();
    std::ofstream(folder + "/file") << "in the way";
    oci::Layout::open(folder + "/file/layout", oci::Open::create, err);
    CHECK(err.status() == oci::Status::io && err.code() == std::errc::not_a_directory);

    err.clear();
    layout.blob_put([](oci::Buffer) { return -42; }, {}, {}, err);
    CHECK(err.status() == oci::Status::callback && err.callback_code() == -42);

    err.clear();
    std::ifstream nothing(folder + "/nothing");
    layout.blob_put(nothing, {}, {}, err);
    CHECK(err.status() == oci::Status::callback && err.callback_code() == -EIO);

    err.clear();
    layout.list([](oci::DescriptorView) { return -7; }, err);
    CHECK(err.status() == oci::Status::callback && err.callback_code() == -7);

    err.clear();
    layout.verify(
        {}, [](const oci::Progress &) { return true; }, err);
    CHECK(!err);

    std::string cut("re\0turned", 9);
    CHECK(!layout.resolve(cut, {}, err) && err.status() == oci::Status::invalid_argument);
}

static void streams_become_bad(const oci::Layout &layout, const std::string &folder) {
    oci::Error err;
    auto abc = layout.blob_put("abc", {}, {}, err);
    oci::BlobStream whole(layout, abc, err);
    CHECK(std::string(std::istreambuf_iterator<char>(whole), {}) == "abc" && !whole.bad());

    std::ofstream(folder + "/layout/blobs/sha256/" + (ABC + 7)) << "abd";
    oci::BlobStream spoiled(layout, abc, err);
    std::string word;
    spoiled >> word;
    CHECK(spoiled.bad() && err.status() == oci::Status::digest);

    err.clear();
    oci::Descriptor missing(oci::media_type::image_config, std::string(ABC).replace(7, 2, "00"), 3,
                            err);
    oci::BlobStream absent(layout, missing, err);
    CHECK(absent.bad() && err.status() == oci::Status::not_found);
    err.clear();
    layout.blob_remove(ABC, err);
    CHECK(!err);
}

void returning(const std::string &folder) {
    oci::Error err;
    auto layout = oci::Layout::open(folder + "/layout", oci::Open::create, err);
    CHECK(layout && !err);
    a_row_of_calls_needs_one_look(layout);
    errors_tell_what_c_does(layout, folder);
    streams_become_bad(layout, folder);
}
