// ocilayout.hpp with exceptions.
//
//     throwing FOLDER
//
// The folder is an empty one. The layout that stays in it is looked at by other programs.
#include "check.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <new>
#include <sstream>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

// Every allocation of C++ is counted; those of the library are not of C++.
static std::atomic<long> allocations{0};

void *operator new(std::size_t size) {
    ++allocations;
    if (void *memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

// Owners are as large as a pointer, move, and do not copy.
template <class T, std::size_t Pointers = 1>
constexpr bool owns =
    sizeof(T) == Pointers * sizeof(void *)
    && !std::is_copy_constructible_v<
        T> && !std::is_copy_assignable_v<T> && std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(owns<oci::Layout> && owns<oci::Transaction> && owns<oci::Descriptor>);
static_assert(owns<oci::Descriptors> && owns<oci::OwnedBytes> && owns<oci::Match>);
static_assert(owns<oci::BlobOptions> && owns<oci::DirectoryOptions> && owns<oci::Collection>);
static_assert(owns<oci::Findings> && owns<oci::BlobReader> && owns<oci::BlobWriter>);
static_assert(owns<oci::Image> && owns<oci::Index> && owns<oci::Sources, 4>);
static_assert(!std::is_copy_constructible_v<oci::BlobStream>);
static_assert(sizeof(oci::DescriptorView) == sizeof(void *));
#if __cplusplus >= 202002L
static_assert(std::input_iterator<oci::Descriptors::iterator>);
#endif
static_assert(std::is_nothrow_copy_constructible_v<oci::Error>);
static_assert(std::is_base_of_v<std::runtime_error, oci::Error>);

// What is thrown is no std::exception: it must come out all the same.
struct Thrown {
    int number;
};

static const std::exception_ptr thrown = std::make_exception_ptr(Thrown{7});

// Whether the call throws that very exception.
template <class Call>
static bool throws_it(Call call) {
    try {
        call();
    } catch (const Thrown &) {
        return std::current_exception() == thrown;
    } catch (...) {
    }
    return false;
}

// The status of the error that the call throws.
template <class Call>
static oci::Status status_of(Call call) {
    try {
        call();
    } catch (const oci::Error &error) {
        return error.status();
    }
    return oci::Status::ok;
}

static const auto throwing_source = [](oci::Buffer) -> int { std::rethrow_exception(thrown); };
static const auto throwing_filter = [](oci::DescriptorView) -> bool {
    std::rethrow_exception(thrown);
};
static const auto throwing_blobs = [](oci::DescriptorView, std::uint64_t, oci::Buffer) -> long {
    std::rethrow_exception(thrown);
};
static const auto throwing_progress = [](const oci::Progress &) { std::rethrow_exception(thrown); };

static void write_file(const std::string &path, const std::string &content) {
    std::ofstream(path, std::ios::binary) << content;
}

static std::size_t blobs(const std::string &layout) {
    const std::filesystem::path folder = layout + "/blobs/sha256";
    if (!exists(folder))
        return 0;
    using Iterator = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(Iterator(folder), Iterator()));
}

// One that is thrown by a callable comes out of each call that takes one, and what was begun is gone.
static void exceptions_come_out(const std::string &folder) {
    const std::string path = folder + "/thrown";
    const std::string other = folder + "/other";
    auto layout = oci::Layout::open(path, oci::Open::create);
    auto source = oci::Layout::open(other, oci::Open::create);
    write_file(folder + "/file", "file");
    std::filesystem::create_directories(folder + "/upper/below");

    CHECK(throws_it([&] { layout.blob_put(throwing_source); }));
    CHECK(throws_it([&] { layout.blob_put(throwing_source, {}, [](const oci::Progress &) {}); }));
    CHECK(blobs(path) == 0);

    const oci::OnProgress progress = throwing_progress;
    CHECK(throws_it([&] { layout.blob_put([](oci::Buffer) { return 0; }, {}, progress); }));
    CHECK(throws_it([&] { layout.blob_put("memory", {}, throwing_progress); }));
    CHECK(throws_it([&] { layout.blob_put_file(folder + "/file", {}, throwing_progress); }));
    CHECK(throws_it(
        [&] { layout.blob_put_directory(folder + "/upper", {}, {}, throwing_progress); }));
    CHECK(throws_it([&] {
        layout.blob_put_difference(folder + "/upper/below", folder + "/upper", {}, {},
                                   throwing_progress);
    }));
    const int fd = open((folder + "/file").c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(throws_it([&] { layout.blob_put_fd(fd, {}, throwing_progress); }));
    close(fd);

    auto abc = source.blob_put("abc");
    auto image = oci::Image(source).set_platform("linux/amd64").finish();
    layout.append(abc, "abc", oci::Append::missing_allowed);
    CHECK(throws_it([&] { layout.list(throwing_filter); }));
    CHECK(throws_it([&] { layout.list({oci::Match::reference("abc"), throwing_filter}); }));
    CHECK(throws_it([&] { layout.remove(throwing_filter); }));
    CHECK(throws_it(
        [&] { layout.replace(throwing_filter, abc, "def", oci::Append::missing_allowed); }));
    CHECK(layout.list().size() == 1 && layout.list()[0].reference() == "abc");
    CHECK(throws_it([&] { layout.write(image, throwing_blobs); }));
    CHECK(throws_it([&] { layout.write_from(image, source, throwing_progress); }));
    CHECK(throws_it([&] { source.unreferenced(throwing_progress); }));
    CHECK(throws_it([&] { source.collect(std::chrono::seconds(0), {}, throwing_progress); }));
    CHECK(throws_it([&] { source.verify({}, throwing_progress); }));

    const std::string index =
        "{\"schemaVersion\":2,\"manifests\":[" + std::string(image.json()) + "]}";
    CHECK(throws_it([&] { oci::Layout::create(folder + "/made", index, throwing_blobs); }));
    CHECK(!std::filesystem::exists(folder + "/made/index.json"));

    // Before the end, so that it stops the call.
    const auto endless = [](oci::Buffer buffer) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::memset(buffer.data(), 0, buffer.size());
        return buffer.size();
    };
    CHECK(throws_it([&] { layout.blob_put(endless, {}, throwing_progress); }));
    CHECK(status_of(
              [&] { layout.blob_put(endless, {}, [](const oci::Progress &) { return false; }); })
          == oci::Status::cancelled);

    // Where an Error is given it is for what the library says.
    oci::Error err;
    CHECK(throws_it([&] { layout.blob_put(throwing_source, {}, {}, err); }));
    CHECK(!err);

    // What is thrown and caught by the callable itself is its own affair.
    CHECK(layout
              .blob_put([](oci::Buffer) {
                  try {
                      throw 1;
                  } catch (int) {
                      return 0;
                  }
              })
              .size()
          == 0);
}

// Also from threads of the library, in one call of several.
static void exceptions_come_out_of_other_threads(const std::string &folder) {
    auto layout = oci::Layout::open(folder + "/threads", oci::Open::create);
    layout.set_threads(2);
    std::atomic<bool> elsewhere{false};
    const auto caller = std::this_thread::get_id();
    std::atomic<int> waiting{0};

    // Each waits for the other, so they run on two threads.
    const auto source = [&](oci::Buffer) -> int {
        for (++waiting; waiting < 2;)
            std::this_thread::yield();
        if (std::this_thread::get_id() == caller)
            return 0;
        elsewhere = true;
        std::rethrow_exception(thrown);
    };
    oci::Sources sources;
    sources.add(source).add(source);
    CHECK(throws_it([&] { layout.blob_put_all(std::move(sources), 2); }));
    CHECK(elsewhere);
    CHECK(throws_it([&] { layout.blob_put_all(oci::Sources().add("abc"), 0, throwing_progress); }));
}

static void callables_cost_nothing(const oci::Layout &layout) {
    const auto options = oci::BlobOptions().set_media_type("text/plain");
    const auto matcher = oci::Match::reference("none");
    long told = 0, asked = 0;
    const long before = allocations;
    auto blob = layout.blob_put(
        [left = 3](oci::Buffer buffer) mutable {
            for (std::size_t i = 0; i < 3; i++)
                buffer.data()[i] = static_cast<std::byte>('a' + i);
            return std::exchange(left, 0);
        },
        options,
        [&](const oci::Progress &progress) { told += static_cast<long>(progress.items_done); });
    layout.append(blob, "a-name-that-is-too-long-to-be-held-without-memory-of-its-own");
    layout.remove({matcher, [&](oci::DescriptorView) { return asked++ < 0; }});
    layout.remove([&](oci::DescriptorView entry) { return ++asked > 0 && entry.digest() == ABC; });
    CHECK(layout.list().empty());
    CHECK(allocations == before);
    CHECK(blob.digest() == ABC && told == 1 && asked == 1);

    oci::Error err;
    layout.blob_put("abc", {}, {}, err);
    CHECK(allocations == before);
}

static std::int64_t read_nothing(oci::Buffer &) { return 0; }

static void memory_and_sources_are_of_any_kind(const oci::Layout &layout,
                                               const std::string &folder) {
    const auto is_abc = [&](const oci::Descriptor &blob) {
        return blob.digest() == ABC && blob.size() == 3;
    };
    CHECK(is_abc(layout.blob_put("abc")));
    CHECK(is_abc(layout.blob_put(std::string("abc"))));
    CHECK(is_abc(layout.blob_put(std::string_view("abcd").substr(0, 3))));
    CHECK(is_abc(layout.blob_put(std::vector<char>{'a', 'b', 'c'})));
    CHECK(is_abc(layout.blob_put(std::vector<std::uint8_t>{'a', 'b', 'c'})));
    CHECK(is_abc(
        layout.blob_put(std::array<std::byte, 3>{std::byte('a'), std::byte('b'), std::byte('c')})));
    CHECK(is_abc(layout.blob_put({static_cast<const void *>("abc"), 3})));
#if __cplusplus >= 202002L
    CHECK(is_abc(layout.blob_put(std::as_bytes(std::span("abc", 3)))));
    CHECK(is_abc(layout.blob_put([done = false](std::span<std::byte> buffer) mutable {
        std::memcpy(buffer.data(), "abc", 3);
        return std::exchange(done, true) ? std::size_t{0} : std::size_t{3};
    })));
#endif
    CHECK(layout.blob_put(oci::Bytes()).size() == 0);
    CHECK(layout.blob_put(read_nothing).size() == 0);

    write_file(folder + "/abc", "abc");
    std::ifstream file(folder + "/abc");
    CHECK(is_abc(layout.blob_put(file)) && file.eof() && !file.bad());
    CHECK(is_abc(layout.blob_put(std::istringstream("abc"))));
    const int fd = open((folder + "/abc").c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(is_abc(layout.blob_put_fd(fd)));
    close(fd);
    const auto titled = layout.blob_put_file(folder + "/abc");
    CHECK(is_abc(titled) && titled.annotation("org.opencontainers.image.title") == "abc");

    // A stream that does what it was told to do: it throws its own exception.
    std::ifstream strict;
    strict.exceptions(std::ios::badbit | std::ios::failbit);
    bool threw = false;
    try {
        layout.blob_put(strict);
    } catch (const std::ios_base::failure &) {
        threw = true;
    }
    CHECK(threw);
}

static void several_sources_are_stored_at_once(const oci::Layout &layout,
                                               const std::string &folder) {
    std::filesystem::create_directories(folder + "/lower");
    std::filesystem::create_directories(folder + "/upper");
    write_file(folder + "/upper/new", "new");
    std::istringstream stream("abc");
    const int fd = open((folder + "/abc").c_str(), O_RDONLY | O_CLOEXEC);
    auto made = [&] {
        auto once = [given = std::make_unique<std::string>("abc")](oci::Buffer buffer) mutable {
            const auto text = std::exchange(given, std::make_unique<std::string>());
            std::memcpy(buffer.data(), text->data(), text->size());
            return text->size();
        };
        return oci::Sources()
            .add(std::move(once))
            .add(stream, oci::BlobOptions().set_media_type("text/plain"))
            .add("abc")
            .add_fd(fd)
            .add_file(folder + "/abc")
            .add_directory(folder + "/upper")
            .add_difference(folder + "/lower", folder + "/upper");
    }();
    auto stored = layout.blob_put_all(std::move(made));
    close(fd);
    CHECK(stored.size() == 7);
    CHECK(
        std::count_if(stored.begin(), stored.end(), [](auto blob) { return blob.digest() == ABC; })
        == 5);
    CHECK(stored[1].media_type() == "text/plain");
    CHECK(stored[5].digest() == layout.blob_put_directory(folder + "/upper").digest());
    CHECK(stored[6].digest()
          == layout.blob_put_difference(folder + "/lower", folder + "/upper").digest());
    const auto back = layout.blob_put_difference(folder + "/upper", folder + "/lower");
    CHECK(layout.blob_read(back, 1 << 20).text().find(".wh.new") != std::string_view::npos);
    CHECK(layout.blob_put_all({}).empty());

    const auto options = oci::DirectoryOptions()
                             .set_clamp(1)
                             .set_source_date_epoch()
                             .set_owners(oci::Owners::root)
                             .exclude("*")
                             .include("no*")
                             .set_flags(oci::Directory::sparse);
    const auto none = layout.blob_put_directory(folder + "/upper", options);
    CHECK(none.digest() == layout.blob_put_directory(folder + "/lower", options).digest());
    const auto mapped = oci::DirectoryOptions().map_users(5, 6, 1).map_groups(5, 6, 1);
    CHECK(status_of([&] { layout.blob_put_directory(folder + "/upper", mapped); })
          == oci::Status::unsupported);
}

static void texts_end_where_they_are_said_to(const oci::Layout &layout) {
    const std::string_view longer = "name-and-more";
    auto abc = layout.blob_put("abc");
    layout.append(abc, longer.substr(0, 4));
    CHECK(layout.resolve(std::string("name")).reference() == "name");
    CHECK(layout.resolve(layout.resolve("name").reference()).digest() == ABC);

    // NUL would end it early, and another entry would be meant.
    const std::string cut("name\0more", 9);
    CHECK(status_of([&] { layout.resolve(cut); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { layout.resolve(std::string_view(cut)); })
          == oci::Status::invalid_argument);
    CHECK(status_of([&] { oci::Match::digests({ABC, cut}); }) == oci::Status::invalid_argument);
    CHECK(!abc.annotation(cut));
    CHECK(status_of([&] { layout.blob_put_file(std::filesystem::path(cut)); })
          == oci::Status::invalid_argument);

    // No text where one has to be is C's to refuse.
    CHECK(status_of([&] { layout.resolve(nullptr); }) == oci::Status::invalid_argument);
    layout.remove(oci::Match::reference("name"));
}

static void descriptors_say_all(const oci::Layout &layout) {
    auto descriptor = oci::Descriptor("text/plain", ABC, 3)
                          .set_annotation("b", "2")
                          .set_annotation("a", std::string("1"))
                          .set_reference("v1")
                          .set_platform("linux/arm64/v8")
                          .set_artifact_type("text/x")
                          .add_url("https://example.org/1")
                          .add_url("https://example.org/2");
    descriptor.set_annotation("a", nullptr);
    CHECK(descriptor.media_type() == "text/plain" && descriptor.size() == 3);
    CHECK(descriptor.reference() == "v1" && descriptor.platform() == "linux/arm64/v8");
    CHECK(descriptor.artifact_type() == "text/x" && !descriptor.diff_id()
          && !descriptor.annotation("a"));
    std::string told;
    for (auto [key, value] : descriptor.annotations())
        told += std::string(key) + '=' + std::string(value) + ';';
    for (auto url : descriptor.urls())
        told += url;
    CHECK(told
          == "b=2;" + std::string(oci::ref_name)
                 + "=v1;https://example.org/1https://example.org/2");

    const auto again = oci::Descriptor::from_json(descriptor.json());
    CHECK(again.json() == descriptor.json() && descriptor.copy().json() == descriptor.json());
    const auto zipped =
        layout.blob_put("", oci::BlobOptions().set_compression(oci::Compression::gzip));
    CHECK(zipped.media_type() == oci::media_type::image_layer_gzip);
    // The digest of nothing.
    CHECK(zipped.diff_id()
          == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    oci::reference_check("v1");
    CHECK(status_of([] { oci::reference_check("no reference"); }) == oci::Status::invalid_argument);
}

static void options_are_kept(const oci::Layout &layout) {
    auto options = oci::BlobOptions()
                       .set_algorithm("sha512")
                       .set_media_type("text/plain")
                       .set_source_compression(oci::Compression::none)
                       .set_flags(oci::Blob::rehash);
    CHECK(layout.blob_put("abc", options).digest().substr(0, 15) == "sha512:ddaf35a1");
    options.set_limit(2);
    CHECK(status_of([&] { layout.blob_put("abc", options); }) == oci::Status::limit);
    const auto wrong_size = oci::BlobOptions().set_expected_size(4);
    CHECK(status_of([&] { layout.blob_put("abc", wrong_size); }) == oci::Status::digest);
    const auto wrong = oci::BlobOptions().set_expected_digest(ABC);
    CHECK(status_of([&] { layout.blob_put("abd", wrong); }) == oci::Status::digest);
    CHECK(status_of([] { oci::BlobOptions().set_compression(oci::Compression::gzip, 10); })
          == oci::Status::invalid_argument);
    layout.blob_remove(layout.blob_put("abc", oci::BlobOptions().set_algorithm("sha512")).digest());
}

static void blobs_are_written_and_read(const oci::Layout &layout, const std::string &folder) {
    oci::BlobWriter writer(layout);
    writer.write("ab");
    writer.write(std::vector<char>{'c'});
    const auto abc = writer.finish();
    CHECK(abc.digest() == ABC && layout.blob_size(ABC) == 3);
    CHECK(status_of([&] { writer.write("d"); }) == oci::Status::state);
    const auto read = layout.blob_read(abc, 3);
    CHECK(read.text() == "abc" && read.size() == 3 && read.data()[0] == std::byte('a'));
    CHECK(status_of([&] { layout.blob_read(abc, 2); }) == oci::Status::limit);
    CHECK(layout.blob_put(read).digest() == ABC);

    oci::BlobReader reader(layout, abc);
    std::array<std::byte, 2> two{};
    CHECK(reader.read(two) == 2 && two[1] == std::byte('b'));
#if __cplusplus >= 202002L
    CHECK(reader.read(std::span<std::byte>(two).first(1)) == 1 && two[0] == std::byte('c'));
#else
    CHECK(reader.read({two.data(), 1}) == 1 && two[0] == std::byte('c'));
#endif
    CHECK(reader.read(two) == 0);

    // Larger than what the stream holds at once.
    std::string lines;
    for (int i = 0; i < 30000; i++)
        lines += std::to_string(i) + '\n';
    const auto text = layout.blob_put(lines);
    oci::BlobStream stream(layout, text);
    std::string got;
    for (std::string line; std::getline(stream, line);)
        got += line + '\n';
    CHECK(got == lines && stream.eof() && !stream.bad());
    oci::BlobStream copied(layout, text);
    CHECK(layout.blob_put(copied).digest() == text.digest());

    // Other bytes of the same length: what is thrown says so.
    const std::string file =
        folder + "/layout/blobs/sha256/" + std::string(text.digest().substr(7));
    lines[0] = 'x';
    write_file(file, lines);
    CHECK(status_of([&] {
              oci::BlobStream spoiled(layout, text);
              got.assign(std::istreambuf_iterator<char>(spoiled), {});
          })
          == oci::Status::digest);
    CHECK(status_of([&] {
              oci::BlobStream spoiled(layout, text);
              std::string line;
              while (std::getline(spoiled, line)) {
              }
          })
          == oci::Status::digest);
    CHECK(status_of([&] {
              oci::BlobStream spoiled(layout, text);
              layout.blob_put(spoiled);
          })
          == oci::Status::digest);

    const auto findings = layout.verify();
    CHECK(findings.size() == 1);
    for (auto finding : findings) {
        CHECK(finding.kind() == oci::FindingKind::digest && finding.digest() == text.digest());
        CHECK(finding.path() == file.substr(folder.size() + sizeof "/layout/" - 1));
        CHECK(finding.message().find("digest") != std::string_view::npos);
        CHECK(finding.referenced().empty());
    }
    layout.blob_remove(text.digest());
    CHECK(layout.verify(oci::Verify::quick).empty());

    const oci::Descriptor absent("text/plain", text.digest(), text.size());
    layout.append(absent, "absent", oci::Append::missing_allowed);
    CHECK(*layout.verify()[0].referenced().begin() == "index.json");
    CHECK(layout.verify(oci::Verify::missing_allowed).empty());
    layout.remove(oci::Match::reference("absent"));
}

// A range whose texts are gone at the next step.
struct Made {
    struct Iterator {
        int left;
        std::string operator*() const { return R"({"os":"linux","architecture":"amd64"})"; }
        void operator++() { --left; }
        bool operator!=(const Iterator &other) const { return left != other.left; }
    };
    static Iterator begin() { return {1}; }
    static Iterator end() { return {0}; }
};

static void matchers_are_composed(const oci::Layout &layout) {
    auto abc = layout.blob_put("abc", oci::BlobOptions().set_media_type("text/plain"));
    abc.set_platform("linux/amd64").set_annotation("color", "red");
    for (const char *reference : {"one", "two", "three"})
        layout.append(abc, reference);
    const auto names = [&](oci::Entries entries) {
        std::string all;
        for (auto entry : layout.list(entries))
            all += std::string(entry.reference().value_or("?")) + ' ';
        return all;
    };
    using oci::Match;
    const auto one = Match::reference("one"), two = Match::reference("two");
    CHECK(names({}) == "one two three ");
    CHECK(names(one || two) == "one two " && names(!one && !two) == "three ");
    CHECK(names(Match::any_of({one, Match::reference("three")})) == "one three ");
    CHECK(names(Match::any_of(std::vector<Match>())) == ""
          && names(Match::all_of({})) == "one two three ");
    CHECK(names(Match::annotation("color", "red")) == "one two three ");
    CHECK(names(Match::platforms({"linux/amd64"})) == "one two three ");
    CHECK(names(Match::platforms(std::vector<std::string>{"linux/arm64", "linux/386"})) == "");
    CHECK(names(Match::media_types({"text/plain"})) == "one two three ");
    CHECK(names(Match::digests(std::array<const char *, 1>{ABC})) == "one two three ");
    CHECK(names(Match::platforms(Made())) == "one two three ");
    const auto short_names = [](oci::DescriptorView entry) {
        return entry.reference()->size() == 3;
    };
    CHECK(names(short_names) == "one two " && names({!one, short_names}) == "two ");
    CHECK(names([&](auto entry) { return one.test(entry) || entry.reference() == "three"; })
          == "one three ");

    CHECK(layout.replace({one || two, short_names}, abc, "three", oci::Append::duplicate) == 2);
    CHECK(names({}) == "three three ");
    CHECK(layout.remove(Match::all_of({})) == 2 && layout.list().empty());
    CHECK(status_of([&] { layout.remove({}); }) == oci::Status::invalid_argument);
}

static void transactions_roll_back(const oci::Layout &layout) {
    const auto abc = layout.blob_put("abc");
    CHECK(throws_it([&] {
        oci::Transaction transaction(layout);
        transaction.append(abc, "never");
        CHECK(transaction.list().size() == 1);
        std::rethrow_exception(thrown);
    }));
    CHECK(layout.list().empty());

    oci::Transaction transaction(layout);
    transaction.append(transaction.blob_put("def"), "kept");
    CHECK(layout.list().empty());
    const auto before = layout.describe_index();
    layout.append(abc, "other");
    CHECK(status_of([&] { transaction.commit_if(before.digest()); }) == oci::Status::conflict);
    transaction.commit();
    CHECK(status_of([&] { transaction.commit(); }) == oci::Status::state);
    CHECK(layout.list().size() == 2 && layout.resolve("kept").size() == 3);
    layout.remove(oci::Match::all_of({}));
}

static void another_thread_stops_calls(const oci::Layout &layout) {
    CHECK(status_of([&] { layout.interrupt(); }) == oci::Status::state);
    const auto stopped = layout.interruptible();
    const auto endless = [&](const oci::Buffer &buffer) {
        std::thread([&] { stopped.interrupt(); }).join();
        return buffer.size();
    };
    CHECK(status_of([&] { stopped.blob_put(endless); }) == oci::Status::cancelled);
    CHECK(status_of([&] { stopped.blob_put("abc"); }) == oci::Status::cancelled);

    oci::Transaction transaction(layout);
    auto other = transaction.interruptible();
    other.append(other.blob_put("abc"), "staged");
    CHECK(transaction.list().size() == 1);
    other.interrupt();
    CHECK(status_of([&] { other.commit(); }) == oci::Status::cancelled);
    transaction.commit();
    CHECK(layout.resolve("staged").size() == 3);
    layout.remove(oci::Match::all_of({}));
}

static void moved_from_is_safe(const std::string &folder) {
    auto layout =
        oci::Layout::open(folder + "/moved", oci::Open::create | oci::Open::durability_none);
    auto moved = std::move(layout);
    CHECK(!layout && moved);
    CHECK(status_of([&] { layout.list(); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { layout.blob_put(throwing_source); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { oci::Image image(layout); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { oci::Transaction transaction(layout); })
          == oci::Status::invalid_argument);
    layout = std::move(moved);

    auto abc = layout.blob_put("abc");
    const auto taken = std::move(abc);
    CHECK(abc.digest().empty() && abc.size() == 0 && !abc.platform() && abc.annotations().empty());
    CHECK(abc.urls().empty() && abc.json().empty());
    CHECK(status_of([&] { layout.append(abc); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { abc.set_reference("name"); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { auto copy = abc.copy(); }) == oci::Status::invalid_argument);

    oci::BlobOptions options;
    options.set_media_type("text/plain");
    const auto kept = std::move(options);
    CHECK(layout.blob_put("abc", options).media_type() == "application/octet-stream");
    CHECK(layout.blob_put("abc", kept).media_type() == "text/plain");

    oci::Sources sources;
    sources.add("abc");
    layout.blob_put_all(std::move(sources));
    CHECK(status_of([&] { sources.add("abc"); }) == oci::Status::invalid_argument);
    CHECK(status_of([&] { layout.blob_put_all(std::move(sources)); })
          == oci::Status::invalid_argument);

    auto list = layout.list();
    auto list_taken = std::move(list);
    CHECK(list.empty() && list.begin() == list.end() && !list[0]);

    // To C and back.
    ocilayout *c = layout.release();
    CHECK(!layout);
    layout = oci::Layout(c);
    CHECK(layout.get() == c);
}

static void errors_are_told(const std::string &folder) {
    try {
        oci::Layout::open(folder + "/nowhere");
        CHECK(false);
    } catch (const std::runtime_error &caught) {
        const auto &error = dynamic_cast<const oci::Error &>(caught);
        CHECK(error.status() == oci::Status::not_found);
        CHECK(std::string(error.what()).find(folder + "/nowhere") != std::string::npos);
        CHECK(name(error.status()) == std::string("OCILAYOUT_ERR_NOT_FOUND"));
    }
    CHECK(oci::version_number() == OCILAYOUT_VERSION_NUMBER);
    CHECK(oci::version()
          == std::to_string(OCILAYOUT_VERSION_MAJOR) + "." + std::to_string(OCILAYOUT_VERSION_MINOR)
                 + "." + std::to_string(OCILAYOUT_VERSION_PATCH));
}

static void layouts_are_copied_and_collected(const oci::Layout &source, const std::string &folder) {
    const auto image = source.resolve("image");
    std::vector<std::uint64_t> offsets;
    const auto read = [&](oci::DescriptorView blob, std::uint64_t offset, oci::Buffer buffer) {
        offsets.push_back(offset);
        const auto content = source.blob_read(blob, 1 << 20);
        const auto rest =
            content.text().substr(static_cast<std::size_t>(offset)).substr(0, buffer.size());
        std::memcpy(buffer.data(), rest.data(), rest.size());
        return rest.size();
    };
    const auto index = source.read_file("index.json");
    auto copy = oci::Layout::create(folder + "/copy", index.text(), read);
    CHECK(!offsets.empty() && copy.resolve("image").digest() == image.digest());
    CHECK(copy.verify().empty());

    auto other = oci::Layout::open_at(AT_FDCWD, std::filesystem::path(folder) / "other copy",
                                      oci::Open::create);
    other.set_lock_timeout(std::chrono::seconds(1));
    other.write(image, read);
    other.write_from(image, source);
    CHECK(other.unreferenced().size() == source.children(image).size() + 1);
    other = oci::Layout::open(folder + "/other copy");
    const auto dry = other.collect(std::chrono::seconds(0), oci::Collect::dry_run);
    const auto day = other.collect(std::chrono::hours(24));
    const auto now = other.collect(std::chrono::seconds(0));
    for (const auto *collection : {&dry, &day, &now}) {
        CHECK(collection->size() == 3);
        const auto fate = collection == &day ? oci::Fate::young : oci::Fate::removed;
        for (auto blob : *collection)
            CHECK(blob.fate() == fate && blob.size() > 0 && blob.digest().size() == sizeof ABC - 1);
    }
    CHECK(blobs(folder + "/other copy") == 0);

    const auto manifest = std::string(source.blob_read(image, 1 << 20).text());
    CHECK(status_of([&] { other.manifest_put(manifest); }) == oci::Status::not_found);
    CHECK(
        other
            .manifest_put(manifest, oci::media_type::image_manifest, oci::Manifest::missing_allowed)
            .digest()
        == image.digest());
    other.write_file("note", "a note");
    CHECK(other.read_file("note").text() == "a note");
}

// What other programs look at.
static void an_image_is_made(const oci::Layout &layout) {
    const auto gzip = oci::BlobOptions().set_compression(oci::Compression::gzip, 6);
    const auto layer = layout.blob_put(std::string(1024, '\0'), gzip);
    const auto config = R"({"os":"linux","architecture":"s390x","config":{"StopSignal":"SIGINT"}})";
    const auto manifest = oci::Image(layout)
                              .set_config_json(config)
                              .set_platform("linux/amd64")
                              .set_created("2026-01-31T12:00:00Z")
                              .set_entrypoint({"/bin/hello"})
                              .set_command(std::vector<std::string>{"a", "b"})
                              .set_env("PATH", "/bin")
                              .set_working_dir("/tmp")
                              .set_user("nobody")
                              .set_label("label", "value")
                              .add_exposed_port("80/tcp")
                              .set_annotation("annotation", "value")
                              .add_layer(layer, {}, "layer")
                              .add_history("step", "comment")
                              .finish();
    layout.append(manifest, "image");
    const auto index =
        oci::Index(layout).add_manifest(manifest).set_annotation("index", "yes").finish();
    layout.append(index, "all");
    CHECK(layout.resolve("all", "linux/amd64").digest() == manifest.digest());
    const auto loaded = oci::Image::load(layout, manifest).finish();
    CHECK(loaded.digest() == manifest.digest());
    const auto layers = layout.children(manifest);
    CHECK(std::find_if(layers.begin(), layers.end(),
                       [&](auto child) { return child.digest() == layer.digest(); })
          != layers.end());
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    const std::string folder = argv[1];
    returning(folder);
    std::filesystem::remove_all(folder + "/layout");
    const auto layout = oci::Layout::open(folder + "/layout", oci::Open::create);
    exceptions_come_out(folder);
    exceptions_come_out_of_other_threads(folder);
    callables_cost_nothing(layout);
    memory_and_sources_are_of_any_kind(layout, folder);
    several_sources_are_stored_at_once(layout, folder);
    texts_end_where_they_are_said_to(layout);
    descriptors_say_all(layout);
    options_are_kept(layout);
    blobs_are_written_and_read(layout, folder);
    matchers_are_composed(layout);
    transactions_roll_back(layout);
    another_thread_stops_calls(layout);
    moved_from_is_safe(folder);
    errors_are_told(folder);
    an_image_is_made(layout);
    layouts_are_copied_and_collected(layout, folder);
    return failures != 0;
}
