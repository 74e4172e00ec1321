// ocilayout for C++17 and later: the functions of ocilayout.h as types that own, text and
// memory as C++ has them, lambdas, exceptions. Header only; link with -locilayout.
//
// What a function does, how it fails and what may run at once is said in ocilayout.h, which
// is the manual. This says what C++ adds.
//
// NAMES       are those of C without the object: ocilayout_blob_options_set_limit() is
//             BlobOptions::set_limit(). What C makes by _new(), _open() and begin() are
//             constructors. The namespace is not called ocilayout, since in C that is
//             the type of a layout; namespace oci = oci_layout; makes it short.
//
// OWNERSHIP   Layout, Descriptor, Image and so on own one object of the library each: they
//             are as large as a pointer, move, do not copy, and free. One that was moved
//             from is empty, as one that was made by its default constructor: what is asked
//             of it says nothing, and calls fail with Status::invalid_argument. Views and
//             texts (DescriptorView, std::string_view) belong to what they came from, as in C.
//
// ERRORS      The last parameter of whatever can fail is where the error is put. Without it
//             the error is thrown. With it nothing is thrown, what is returned is empty,
//             and a call that finds an error there already does nothing: so a row of calls
//             needs one look at its end.
//
//                 oci::Error err;
//                 auto layout = oci::Layout::open("layout", {}, err);
//                 auto image = layout.resolve("latest", "linux/amd64", err);
//                 if (err)
//                     std::cerr << err.what() << '\n';
//
//             Under -fno-exceptions it has to be given. Neither form stands in for
//             std::bad_alloc, where C++ itself has no memory.
//
// LAMBDAS     Callables are used where they are, without copies and without the heap, and
//             only during the call; those of Sources are kept by it. What one throws stops
//             the call and comes out of it as the same exception, on the calling thread, in
//             both forms, whatever thread the callable ran on.
//
// TEXT        is anything with an end that C knows, which costs nothing, or a
//             std::string_view, which is copied. NUL inside of one is refused.

#ifndef OCILAYOUT_HPP
#define OCILAYOUT_HPP

#include "ocilayout.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <istream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace oci_layout {

// Files that are compiled with and without exceptions may be linked together.
#ifdef __cpp_exceptions
inline namespace throwing {
#else
inline namespace returning {
#endif

enum class Status : ocilayout_status {
    ok = OCILAYOUT_OK,
    invalid_argument = OCILAYOUT_ERR_INVALID_ARGUMENT,
    state = OCILAYOUT_ERR_STATE,
    io = OCILAYOUT_ERR_IO,
    not_found = OCILAYOUT_ERR_NOT_FOUND,
    exists = OCILAYOUT_ERR_EXISTS,
    busy = OCILAYOUT_ERR_BUSY,
    conflict = OCILAYOUT_ERR_CONFLICT,
    format = OCILAYOUT_ERR_FORMAT,
    digest = OCILAYOUT_ERR_DIGEST,
    callback = OCILAYOUT_ERR_CALLBACK,
    cancelled = OCILAYOUT_ERR_CANCELLED,
    limit = OCILAYOUT_ERR_LIMIT,
    unsupported = OCILAYOUT_ERR_UNSUPPORTED,
    not_durable = OCILAYOUT_ERR_NOT_DURABLE,
    memory = OCILAYOUT_ERR_MEMORY,
    internal = OCILAYOUT_ERR_INTERNAL,
};

enum class Open : std::uint64_t {
    create = OCILAYOUT_OPEN_CREATE,
    exclusive = OCILAYOUT_OPEN_EXCLUSIVE,
    read_only = OCILAYOUT_OPEN_READ_ONLY,
    symlinked_blobs = OCILAYOUT_OPEN_SYMLINKED_BLOBS,
    durability_none = OCILAYOUT_OPEN_DURABILITY_NONE,
    durability_ordered = OCILAYOUT_OPEN_DURABILITY_ORDERED,
};

enum class Blob : std::uint64_t {
    rehash = OCILAYOUT_BLOB_REHASH,
    trusted = OCILAYOUT_BLOB_TRUSTED,
};

enum class Directory : std::uint64_t { sparse = OCILAYOUT_DIRECTORY_SPARSE };

enum class Append : std::uint64_t {
    missing_allowed = OCILAYOUT_APPEND_MISSING_ALLOWED,
    duplicate = OCILAYOUT_APPEND_DUPLICATE,
};

enum class Manifest : std::uint64_t { missing_allowed = OCILAYOUT_MANIFEST_MISSING_ALLOWED };

enum class Collect : std::uint64_t { dry_run = OCILAYOUT_COLLECT_DRY_RUN };

enum class Verify : std::uint64_t {
    quick = OCILAYOUT_VERIFY_QUICK,
    missing_allowed = OCILAYOUT_VERIFY_MISSING_ALLOWED,
};

enum class Compression : ocilayout_compression {
    none = OCILAYOUT_COMPRESSION_NONE,
    gzip = OCILAYOUT_COMPRESSION_GZIP,
    zstd = OCILAYOUT_COMPRESSION_ZSTD,
    detect = OCILAYOUT_COMPRESSION_DETECT,
    plain = OCILAYOUT_COMPRESSION_PLAIN,
};

enum class Owners : std::int32_t {
    kept = OCILAYOUT_OWNERS_KEPT,
    root = OCILAYOUT_OWNERS_ROOT,
};

enum class Fate : std::int32_t {
    removed = OCILAYOUT_FATE_REMOVED,
    referenced = OCILAYOUT_FATE_REFERENCED,
    referrer = OCILAYOUT_FATE_REFERRER,
    leased = OCILAYOUT_FATE_LEASED,
    young = OCILAYOUT_FATE_YOUNG,
    foreign = OCILAYOUT_FATE_FOREIGN,
};

enum class FindingKind : std::int32_t {
    missing = OCILAYOUT_FINDING_MISSING,
    unreadable = OCILAYOUT_FINDING_UNREADABLE,
    size = OCILAYOUT_FINDING_SIZE,
    digest = OCILAYOUT_FINDING_DIGEST,
    malformed = OCILAYOUT_FINDING_MALFORMED,
    contradictory = OCILAYOUT_FINDING_CONTRADICTORY,
    leftover = OCILAYOUT_FINDING_LEFTOVER,
};

namespace media_type {
inline constexpr char image_index[] = OCILAYOUT_MEDIA_TYPE_IMAGE_INDEX;
inline constexpr char image_manifest[] = OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST;
inline constexpr char image_config[] = OCILAYOUT_MEDIA_TYPE_IMAGE_CONFIG;
inline constexpr char image_layer[] = OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER;
inline constexpr char image_layer_gzip[] = OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_GZIP;
inline constexpr char image_layer_zstd[] = OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_ZSTD;
} // namespace media_type

inline constexpr char ref_name[] = OCILAYOUT_REF_NAME;
inline constexpr std::int32_t level_default = OCILAYOUT_LEVEL_DEFAULT;

namespace detail {

template <class T, class... Types>
inline constexpr bool is_one_of = (std::is_same_v<T, Types> || ...);

template <class E>
inline constexpr bool is_flags =
    is_one_of<E, Open, Blob, Directory, Append, Manifest, Collect, Verify>;

} // namespace detail

template <class E, std::enable_if_t<detail::is_flags<E>, int> = 0>
constexpr E operator|(E a, E b) noexcept {
    return static_cast<E>(static_cast<std::uint64_t>(a) | static_cast<std::uint64_t>(b));
}

// The version of the library that is running.
inline std::string_view version() noexcept { return ocilayout_version(); }
inline std::uint32_t version_number() noexcept { return ocilayout_version_number(); }

// The name of a status, such as "OCILAYOUT_ERR_IO".
inline const char *name(Status status) noexcept {
    return ocilayout_status_name(static_cast<ocilayout_status>(status));
}

// Why a call failed. One that was made by its default constructor is no error, and can be given
// to calls to put theirs there.
class Error : public std::runtime_error {
public:
    Error() : std::runtime_error("") {}

    Error(Status status, const std::string &message)
        : std::runtime_error(message), status_(status) {}

    // What C says by its status and its error, which stays the caller's and may be NULL.
    Error(ocilayout_status status, const ocilayout_error *error)
        : std::runtime_error(error ? ocilayout_error_message(error)
                                   : ocilayout_status_name(status)),
          status_(static_cast<Status>(error ? ocilayout_error_status(error) : status)),
          errno_(ocilayout_error_errno(error)),
          callback_code_(ocilayout_error_callback_code(error)) {}

    explicit operator bool() const noexcept { return status_ != Status::ok; }

    Status status() const noexcept { return status_; }

    // What the system said, with Status::io and Status::not_durable.
    std::error_code code() const noexcept { return {errno_, std::generic_category()}; }

    // What the callable returned that stopped the call, with Status::callback.
    std::int64_t callback_code() const noexcept { return callback_code_; }

    // Makes it no error, so that calls can be given it again.
    void clear() { *this = Error(); }

private:
    Status status_ = Status::ok;
    int errno_ = 0;
    std::int64_t callback_code_ = 0;
};

// The last parameter of each function that can fail: nothing, and the error is thrown, or an
// Error.
class OnError {
public:
#ifdef __cpp_exceptions
    OnError() noexcept = default;
#else
#if defined(__has_attribute)
#if __has_attribute(error)
    __attribute__((error("without exceptions each call needs an Error to report to")))
#endif
#endif
    OnError() noexcept;
#endif
    OnError(Error &error) noexcept : error_(&error) {}

    bool throws() const noexcept { return !error_; }

    // Whether an earlier call has failed.
    bool happened() const noexcept { return error_ && *error_; }

    void happens(Error error) const {
#ifdef __cpp_exceptions
        if (!error_)
            throw error;
#endif
        *error_ = std::move(error);
    }

private:
    Error *error_ = nullptr;
};

// A text for C, or none. It lives as long as what it was made of.
class Text {
public:
    Text() noexcept = default;
    Text(const char *text) noexcept : text_(text) {}
    Text(std::string_view text) : copy_(text), is_copy_(true) { check(copy_); }
    Text(std::optional<std::string_view> text) {
        if (text)
            *this = Text(*text);
    }

    // std::string and what else ends with NUL.
    template <class T,
              class = decltype(std::declval<const T &>().c_str(), std::declval<const T &>().size())>
    Text(const T &text) noexcept : text_(text.c_str()) {
        check({text.c_str(), text.size()});
    }

    // std::filesystem::path.
    template <class T, class = decltype(std::declval<const T &>().native().c_str()), class = void>
    Text(const T &path) noexcept : Text(path.native()) {}

    const char *c_str() const noexcept { return is_copy_ ? copy_.c_str() : text_; }

private:
    void check(std::string_view text) noexcept {
        has_nul_ = text.find('\0') != std::string_view::npos;
    }

    friend std::tuple<const char *> in_c(const Text &text) noexcept { return {text.c_str()}; }
    friend bool is_cut(const Text &text) noexcept { return text.has_nul_; }

    const char *text_ = nullptr;
    std::string copy_;
    bool is_copy_ = false;
    bool has_nul_ = false;
};

// Several texts: {"a", "b"}, or any range of them.
class Texts {
public:
    Texts(std::initializer_list<Text> texts) : Texts(texts.begin(), texts.end()) {}

    template <class Range, class = decltype(Text(*std::begin(std::declval<const Range &>())))>
    Texts(const Range &texts) : Texts(std::begin(texts), std::end(texts)) {}

    Texts(const Texts &) = delete;
    Texts &operator=(const Texts &) = delete;

private:
    template <class Iterator, class End>
    Texts(Iterator begin, End end) {
        for (; begin != end; ++begin) {
            if constexpr (std::is_reference_v<
                              decltype(*begin)> || std::is_pointer_v<decltype(*begin)>)
                texts_.emplace_back(*begin);
            else // A text that the range makes at each step, and that goes with it, is copied.
                texts_.emplace_back(std::string_view(*begin));
        }
        pointers_.reserve(texts_.size());
        for (const Text &text : texts_)
            pointers_.push_back(text.c_str());
    }

    friend std::tuple<const char *const *, std::size_t> in_c(const Texts &texts) noexcept {
        return {texts.pointers_.data(), texts.pointers_.size()};
    }
    friend bool is_cut(const Texts &texts) noexcept {
        for (const Text &text : texts.texts_)
            if (is_cut(text))
                return true;
        return false;
    }

    std::vector<Text> texts_;
    std::vector<const char *> pointers_;
};

namespace detail {

template <class T>
inline constexpr bool is_byte = is_one_of<T, std::byte, char, unsigned char, signed char>;

template <class Container>
using Element = std::remove_pointer_t<decltype(std::declval<Container &>().data())>;

} // namespace detail

// Memory that is read: what has data() and size() of bytes or chars, as std::string,
// std::vector and std::span have, or a text.
class Bytes {
public:
    Bytes() noexcept = default;
    Bytes(const void *data, std::size_t size) noexcept
        : data_(static_cast<const std::byte *>(data)), size_(size) {}
    Bytes(const char *text) noexcept : Bytes(std::string_view(text)) {}

    template <class Container,
              std::enable_if_t<detail::is_byte<std::remove_cv_t<detail::Element<const Container>>>,
                               int> = 0>
    Bytes(const Container &container) noexcept : Bytes(container.data(), container.size()) {}

    const std::byte *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    const std::byte *begin() const noexcept { return data_; }
    const std::byte *end() const noexcept { return data_ + size_; }

    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(data_), size_};
    }

private:
    friend std::tuple<const void *, std::size_t> in_c(const Bytes &bytes) noexcept {
        return {bytes.data_, bytes.size_};
    }

    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

// Memory that is written. It becomes a std::span<std::byte> where there is one.
class Buffer {
public:
    Buffer(void *data, std::size_t size) noexcept
        : data_(static_cast<std::byte *>(data)), size_(size) {}

    // std::vector, std::array, std::span and the like.
    template <class Container,
              std::enable_if_t<detail::is_byte<detail::Element<Container>>, int> = 0>
    Buffer(Container &&container) noexcept : Buffer(container.data(), container.size()) {}

    std::byte *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    std::byte *begin() const noexcept { return data_; }
    std::byte *end() const noexcept { return data_ + size_; }

    // The same memory for what writes chars, such as std::istream::read().
    char *chars() const noexcept { return reinterpret_cast<char *>(data_); }

private:
    friend std::tuple<void *, std::size_t> in_c(const Buffer &buffer) noexcept {
        return {buffer.data_, buffer.size_};
    }

    std::byte *data_;
    std::size_t size_;
};

namespace detail {

// What an argument is in C: one or several. Types of this header say it by themselves.
template <class T, std::enable_if_t<std::is_arithmetic_v<T> || std::is_pointer_v<T>, int> = 0>
std::tuple<T> in_c(T value) noexcept {
    return {value};
}

template <class E, std::enable_if_t<std::is_enum_v<E>, int> = 0>
std::tuple<std::underlying_type_t<E>> in_c(E value) noexcept {
    return {static_cast<std::underlying_type_t<E>>(value)};
}

// Of JSON, whose length is told.
inline std::tuple<const char *, std::size_t> in_c(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

template <class T>
bool is_cut(const T &) noexcept {
    return false;
}

template <class T>
void rethrow(const T &) {}

// Calls a function of C with these arguments, and an ocilayout_error ** at their end. Says
// whether it succeeded.
template <class Function, class... Arguments>
bool call(const OnError &err, Function function, const Arguments &...arguments) {
    if (err.happened())
        return false;
    if ((is_cut(arguments) || ...)) {
        err.happens(
            Error(Status::invalid_argument, "a text has NUL in it, where it would end in C"));
        return false;
    }
    ocilayout_error *error = nullptr;
    const ocilayout_status status =
        std::apply(function, std::tuple_cat(in_c(arguments)..., std::make_tuple(&error)));
    const std::unique_ptr<ocilayout_error, void (*)(ocilayout_error *)> owned(error,
                                                                              ocilayout_error_free);
    (rethrow(arguments), ...);
    if (status != OCILAYOUT_OK)
        err.happens(Error(status, error));
    return status == OCILAYOUT_OK;
}

// Sole owner of an object of the library.
template <class T, void (*Free)(T *)>
class Owned {
public:
    using Object = T;

    Owned() noexcept = default;

    // Takes over an object that C has handed out.
    explicit Owned(T *object) noexcept : object_(object) {}

    // The object for a call of C; it stays owned.
    T *get() const noexcept { return object_.get(); }

    // The object, which is now the caller's to free.
    T *release() noexcept { return object_.release(); }

    explicit operator bool() const noexcept { return object_ != nullptr; }

protected:
    template <class Function, class... Arguments>
    void set(const OnError &err, Function function, const Arguments &...arguments) {
        call(err, function, get(), arguments...);
    }

private:
    struct Freeing {
        void operator()(T *object) const noexcept { Free(object); }
    };
    std::unique_ptr<T, Freeing> object_;
};

// Where C puts the object that it hands out. It is owned there, since a lambda may throw.
template <class T>
class Out {
public:
    Out() noexcept = default;
    Out(const Out &) = delete;
    Out &operator=(const Out &) = delete;
    ~Out() { take(); }

    T take() noexcept { return T(std::exchange(object_, nullptr)); }

private:
    friend std::tuple<typename T::Object **> in_c(const Out &out) noexcept {
        return {&out.object_};
    }

    mutable typename T::Object *object_ = nullptr;
};

// Calls a function that hands out an object.
template <class T, class Function, class... Arguments>
T make(const OnError &err, Function function, const Arguments &...arguments) {
    Out<T> out;
    call(err, function, arguments..., out);
    return out.take();
}

// Calls a function that hands out a value.
template <class T, class Function, class... Arguments>
T ask(const OnError &err, Function function, const Arguments &...arguments) {
    T value{};
    call(err, function, arguments..., &value);
    return value;
}

inline std::string_view text(const char *c) noexcept {
    return c ? std::string_view(c) : std::string_view();
}

inline std::optional<std::string_view> optional_text(const char *c) noexcept {
    return c ? std::optional<std::string_view>(c) : std::nullopt;
}

// What a list is in C++. Self says its size() and, by at(), the item of an object of C at a
// position.
template <class Self, class Object, class Value>
class List {
public:
    using value_type = Value;

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = Value;

        iterator() noexcept = default;
        iterator(const Object *list, std::size_t position) noexcept
            : list_(list), position_(position) {}

        Value operator*() const noexcept { return Self::at(list_, position_); }
        iterator &operator++() noexcept {
            ++position_;
            return *this;
        }
        iterator operator++(int) noexcept { return {list_, position_++}; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept {
            return a.position_ == b.position_;
        }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        const Object *list_ = nullptr;
        std::size_t position_ = 0;
    };

    Value operator[](std::size_t position) const noexcept {
        return Self::at(self().get(), position);
    }
    bool empty() const noexcept { return self().size() == 0; }
    iterator begin() const noexcept { return {self().get(), 0}; }
    iterator end() const noexcept { return {self().get(), self().size()}; }

private:
    const Self &self() const noexcept { return static_cast<const Self &>(*this); }
};

// A callable, as a function of C and its userdata. It is not owned, but as this is where what it
// throws is kept, this has to stay where it is during the call.
template <class Kind, class Function = typename Kind::Function>
class Callback;

template <class Kind, class Result, class... Arguments>
class Callback<Kind, Result (*)(void *, Arguments...)> {
public:
    Callback() noexcept = default;

    template <class F, std::enable_if_t<Kind::template takes<std::remove_reference_t<F>>, int> = 0>
    Callback(F &&callable) noexcept : run_(run<std::remove_reference_t<F>>) {
        if constexpr (std::is_function_v<std::remove_reference_t<F>>)
            callable_ = reinterpret_cast<void *>(&callable);
        else
            callable_ = const_cast<void *>(static_cast<const void *>(std::addressof(callable)));
    }

private:
    template <class F>
    static Result run(void *userdata, Arguments... arguments) noexcept {
        const auto &self = *static_cast<const Callback *>(userdata);
        const auto callable = [&]() -> F & {
            if constexpr (std::is_function_v<F>)
                return *reinterpret_cast<F *>(self.callable_);
            else
                return *static_cast<F *>(self.callable_);
        };
#ifdef __cpp_exceptions
        try {
            return Kind::call(callable(), arguments...);
        } catch (...) {
            self.thrown_ = std::current_exception();
            return -1;
        }
#else
        return Kind::call(callable(), arguments...);
#endif
    }

    friend std::tuple<Result (*)(void *, Arguments...), void *>
    in_c(const Callback &callback) noexcept {
        return {callback.run_, const_cast<Callback *>(&callback)};
    }
    friend void rethrow([[maybe_unused]] const Callback &callback) {
#ifdef __cpp_exceptions
        if (callback.thrown_)
            std::rethrow_exception(callback.thrown_);
#endif
    }

    Result (*run_)(void *, Arguments...) = nullptr;
    void *callable_ = nullptr;
#ifdef __cpp_exceptions
    mutable std::exception_ptr thrown_;
#endif
};

// A setter that chains, on what has a name and on what is made for one call. Both parts are
// told in parentheses: the parameters, and what C is called with.
#define OCILAYOUT_SETTER(Class, name, parameters, call) \
    Class &name parameters & {                          \
        this->set call;                                 \
        return *this;                                   \
    }                                                   \
    Class name parameters && {                          \
        this->set call;                                 \
        return std::move(*this);                        \
    }

} // namespace detail

// Bytes that the library read; they become Bytes.
class OwnedBytes : public detail::Owned<ocilayout_bytes, ocilayout_bytes_free> {
public:
    using Owned::Owned;

    const std::byte *data() const noexcept {
        return reinterpret_cast<const std::byte *>(ocilayout_bytes_data(get()));
    }
    std::size_t size() const noexcept { return ocilayout_bytes_size(get()); }
    std::string_view text() const noexcept { return Bytes(*this).text(); }
};

// The annotations of a descriptor, as pairs of a key and a value.
class Annotations : public detail::List<Annotations, ocilayout_descriptor,
                                        std::pair<std::string_view, std::string_view>> {
public:
    explicit Annotations(const ocilayout_descriptor *descriptor) noexcept
        : descriptor_(descriptor) {}

    std::size_t size() const noexcept { return ocilayout_descriptor_annotation_count(descriptor_); }
    const ocilayout_descriptor *get() const noexcept { return descriptor_; }

    static value_type at(const ocilayout_descriptor *descriptor, std::size_t position) noexcept {
        return {detail::text(ocilayout_descriptor_annotation_key(descriptor, position)),
                detail::text(ocilayout_descriptor_annotation_value(descriptor, position))};
    }

private:
    const ocilayout_descriptor *descriptor_;
};

// The places where else a blob can be had from.
class Urls : public detail::List<Urls, ocilayout_descriptor, std::string_view> {
public:
    explicit Urls(const ocilayout_descriptor *descriptor) noexcept : descriptor_(descriptor) {}

    std::size_t size() const noexcept {
        std::size_t count = 0;
        while (ocilayout_descriptor_url(descriptor_, count))
            ++count;
        return count;
    }
    const ocilayout_descriptor *get() const noexcept { return descriptor_; }

    static std::string_view at(const ocilayout_descriptor *descriptor,
                               std::size_t position) noexcept {
        return detail::text(ocilayout_descriptor_url(descriptor, position));
    }

private:
    const ocilayout_descriptor *descriptor_;
};

class Descriptor;

namespace detail {

// What a descriptor says, whoever owns it.
template <class Self>
class Described {
public:
    std::string_view media_type() const noexcept {
        return text(ocilayout_descriptor_media_type(c()));
    }
    std::string_view digest() const noexcept { return text(ocilayout_descriptor_digest(c())); }
    std::uint64_t size() const noexcept { return ocilayout_descriptor_size(c()); }
    std::string_view json() const noexcept { return text(ocilayout_descriptor_json(c())); }

    std::optional<std::string_view> diff_id() const noexcept {
        return optional_text(ocilayout_descriptor_diff_id(c()));
    }
    std::optional<std::string_view> reference() const noexcept {
        return optional_text(ocilayout_descriptor_reference(c()));
    }
    std::optional<std::string_view> platform() const noexcept {
        return optional_text(ocilayout_descriptor_platform(c()));
    }
    std::optional<std::string_view> artifact_type() const noexcept {
        return optional_text(ocilayout_descriptor_artifact_type(c()));
    }

    std::optional<std::string_view> annotation(const Text &key) const noexcept {
        return is_cut(key) ? std::nullopt
                           : optional_text(ocilayout_descriptor_annotation(c(), key.c_str()));
    }
    Annotations annotations() const noexcept { return Annotations(c()); }
    Urls urls() const noexcept { return Urls(c()); }

    // One that is owned and can be changed.
    Descriptor copy(OnError err = {}) const;

private:
    const ocilayout_descriptor *c() const noexcept {
        return static_cast<const Self &>(*this).get();
    }
};

} // namespace detail

// A descriptor: what points at a blob, and what else is said of it.
class Descriptor : public detail::Owned<ocilayout_descriptor, ocilayout_descriptor_free>,
                   public detail::Described<Descriptor> {
public:
    using Owned::Owned;

    Descriptor(const Text &media_type, const Text &digest, std::uint64_t size, OnError err = {})
        : Descriptor(
            detail::make<Descriptor>(err, ocilayout_descriptor_new, media_type, digest, size)) {}

    static Descriptor from_json(std::string_view json, OnError err = {}) {
        return detail::make<Descriptor>(err, ocilayout_descriptor_from_json, json);
    }

    OCILAYOUT_SETTER(Descriptor, set_annotation,
                     (const Text &key, const Text &value, OnError err = {}),
                     (err, ocilayout_descriptor_set_annotation, key, value))
    OCILAYOUT_SETTER(Descriptor, set_reference, (const Text &reference, OnError err = {}),
                     (err, ocilayout_descriptor_set_reference, reference))
    OCILAYOUT_SETTER(Descriptor, set_platform, (const Text &platform, OnError err = {}),
                     (err, ocilayout_descriptor_set_platform, platform))
    OCILAYOUT_SETTER(Descriptor, set_artifact_type, (const Text &artifact_type, OnError err = {}),
                     (err, ocilayout_descriptor_set_artifact_type, artifact_type))
    OCILAYOUT_SETTER(Descriptor, add_url, (const Text &url, OnError err = {}),
                     (err, ocilayout_descriptor_add_url, url))
};

// A descriptor that belongs to somebody else: to a list, to a Descriptor, to the call that asks a
// lambda.
class DescriptorView : public detail::Described<DescriptorView> {
public:
    DescriptorView(const ocilayout_descriptor *descriptor) noexcept : descriptor_(descriptor) {}
    DescriptorView(const Descriptor &descriptor) noexcept : descriptor_(descriptor.get()) {}

    const ocilayout_descriptor *get() const noexcept { return descriptor_; }
    explicit operator bool() const noexcept { return descriptor_ != nullptr; }

private:
    friend std::tuple<const ocilayout_descriptor *> in_c(DescriptorView view) noexcept {
        return {view.descriptor_};
    }

    const ocilayout_descriptor *descriptor_;
};

template <class Self>
Descriptor detail::Described<Self>::copy(OnError err) const {
    return make<Descriptor>(err, ocilayout_descriptor_copy, c());
}

inline void reference_check(const Text &reference, OnError err = {}) {
    detail::call(err, ocilayout_reference_check, reference);
}

// A list of descriptors: for (oci::DescriptorView entry : layout.list()).
class Descriptors : public detail::Owned<ocilayout_descriptors, ocilayout_descriptors_free>,
                    public detail::List<Descriptors, ocilayout_descriptors, DescriptorView> {
public:
    using Owned::Owned;

    std::size_t size() const noexcept { return ocilayout_descriptors_count(get()); }

    static DescriptorView at(const ocilayout_descriptors *list, std::size_t position) noexcept {
        return ocilayout_descriptors_at(list, position);
    }
};

// How far a long call has come.
using Progress = ocilayout_progress;

namespace detail {

// The next bytes of a stream. It tells no more of what went wrong than that something did.
inline std::int64_t read(std::istream &stream, const Buffer &buffer) {
    stream.read(buffer.chars(), static_cast<std::streamsize>(buffer.size()));
    if (stream.gcount() > 0)
        return stream.gcount();
    return stream.eof() && !stream.bad() ? 0 : -EIO;
}

template <class Number>
std::int64_t stored(Number number) noexcept {
    static_assert(std::is_integral_v<Number>, "a source answers how many bytes it stored");
    return static_cast<std::int64_t>(number);
}

struct Reading {
    using Function = ocilayout_read_fn;

    template <class F>
    static constexpr bool is_stream = std::is_base_of_v<std::istream, F>;
    template <class F>
    static constexpr bool takes = is_stream<F> || std::is_invocable_v<F &, Buffer &>;

    template <class F>
    static std::int64_t call(F &source, void *data, std::size_t size) {
        Buffer buffer(data, size);
        if constexpr (is_stream<F>)
            return read(source, buffer);
        else
            return stored(source(buffer));
    }
};

struct ReadingBlobs {
    using Function = ocilayout_read_blob_fn;

    template <class F>
    static constexpr bool takes = std::is_invocable_v<F &, DescriptorView, std::uint64_t, Buffer &>;

    template <class F>
    static std::int64_t call(F &source, const ocilayout_descriptor *descriptor,
                             std::uint64_t offset, void *data, std::size_t size) {
        Buffer buffer(data, size);
        return stored(source(DescriptorView(descriptor), offset, buffer));
    }
};

struct Matching {
    using Function = ocilayout_match_fn;

    template <class F>
    static constexpr bool takes = std::is_invocable_v<F &, DescriptorView>;

    template <class F>
    static std::int32_t call(F &filter, const ocilayout_descriptor *descriptor) {
        using Answer = std::invoke_result_t<F &, DescriptorView>;
        static_assert(is_one_of<Answer, bool, std::int32_t>, "a filter answers a bool, or as in C");
        return filter(DescriptorView(descriptor));
    }
};

struct Watching {
    using Function = ocilayout_progress_fn;

    template <class F>
    static constexpr bool takes = std::is_invocable_v<F &, const Progress &>;

    template <class F>
    static std::int32_t call(F &tell, const Progress *progress) {
        using Answer = std::invoke_result_t<F &, const Progress &>;
        static_assert(is_one_of<Answer, void, bool>,
                      "progress answers whether to go on, or nothing");
        if constexpr (std::is_void_v<Answer>)
            tell(*progress);
        else
            return tell(*progress) ? 0 : 1;
        return 0;
    }
};

} // namespace detail

// Where the bytes of a blob come from: a std::istream, from where it stands until its end, or a
// callable that stores some in a Buffer and returns how many, 0 at the end, or a negative code of
// its own. A stream that cannot be read stops the call by the code -EIO; an end is no error, so it
// must not be set to throw at one.
using Source = detail::Callback<detail::Reading>;

// Where blobs are copied from: a callable that gets a DescriptorView, the offset in that blob, and
// a Buffer, and returns as that of a Source.
using BlobSource = detail::Callback<detail::ReadingBlobs>;

// Says which entries are meant: a callable that gets a DescriptorView and returns a bool, or a
// number as ocilayout_match_fn does.
using Filter = detail::Callback<detail::Matching>;

// Is told how far a call has come: a callable that gets a const Progress &, and returns nothing, or
// a bool that says whether to go on.
using OnProgress = detail::Callback<detail::Watching>;

// Says which entries of an index are meant.
class Match : public detail::Owned<ocilayout_match, ocilayout_match_free> {
public:
    using Owned::Owned;

    static Match reference(const Text &reference, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_reference, reference);
    }
    static Match annotation(const Text &key, const Text &value, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_annotation, key, value);
    }
    static Match platforms(const Texts &platforms, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_platforms, platforms);
    }
    static Match media_types(const Texts &media_types, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_media_types, media_types);
    }
    static Match digests(const Texts &digests, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_digests, digests);
    }

    class List;
    static Match all_of(const List &matchers, OnError err = {});
    static Match any_of(const List &matchers, OnError err = {});
    static Match not_of(const Match &matcher, OnError err = {}) {
        return detail::make<Match>(err, ocilayout_match_not, matcher.get());
    }

    bool test(DescriptorView descriptor, OnError err = {}) const {
        return detail::ask<bool>(err, ocilayout_match_test, get(), descriptor);
    }
};

// Several matchers, which stay where they are: {a, b}, or any range of them.
class Match::List {
public:
    struct Item {
        Item(const Match &matcher) noexcept : match(matcher.get()) {}
        ocilayout_match *match;
    };

    List(std::initializer_list<Item> matchers) : List(matchers.begin(), matchers.end()) {}

    template <class Range, class = decltype(Item(*std::begin(std::declval<const Range &>())))>
    List(const Range &matchers) : List(std::begin(matchers), std::end(matchers)) {}

private:
    template <class Iterator, class End>
    List(Iterator begin, End end) {
        for (; begin != end; ++begin)
            matchers_.push_back(Item(*begin).match);
    }

    friend std::tuple<ocilayout_match *const *, std::size_t> in_c(const List &list) noexcept {
        return {list.matchers_.data(), list.matchers_.size()};
    }

    std::vector<ocilayout_match *> matchers_;
};

inline Match Match::all_of(const List &matchers, OnError err) {
    return detail::make<Match>(err, ocilayout_match_all_of, matchers);
}

inline Match Match::any_of(const List &matchers, OnError err) {
    return detail::make<Match>(err, ocilayout_match_any_of, matchers);
}

#ifdef __cpp_exceptions
inline Match operator&&(const Match &a, const Match &b) { return Match::all_of({a, b}); }
inline Match operator||(const Match &a, const Match &b) { return Match::any_of({a, b}); }
inline Match operator!(const Match &a) { return Match::not_of(a); }
#endif

// The entries that are meant: all, those that a Match means, those that a Filter means, or by
// {match, filter} those that both mean. The filter can ask Match::test() to combine in other ways.
class Entries {
public:
    Entries() noexcept = default;
    Entries(const Match &match) noexcept : match_(match.get()) {}
    Entries(const Match &match, Filter filter) noexcept : match_(match.get()), filter_(filter) {}

    template <class F, std::enable_if_t<std::is_constructible_v<Filter, F>, int> = 0>
    Entries(F &&filter) noexcept : filter_(std::forward<F>(filter)) {}

private:
    friend auto in_c(const Entries &entries) noexcept {
        return std::tuple_cat(std::make_tuple(entries.match_), in_c(entries.filter_));
    }
    friend void rethrow(const Entries &entries) { rethrow(entries.filter_); }

    const ocilayout_match *match_ = nullptr;
    Filter filter_;
};

namespace detail {

// Options that cost nothing while they are the default ones.
template <class T, void (*Free)(T *), ocilayout_status (*New)(T **, ocilayout_error **)>
class Options : public Owned<T, Free> {
protected:
    template <class Function, class... Arguments>
    void set(const OnError &err, Function function, const Arguments &...arguments) {
        Owned<T, Free> &owned = *this;
        if (!owned)
            owned = make<Owned<T, Free>>(err, New);
        call(err, function, owned.get(), arguments...);
    }
};

} // namespace detail

// How a blob is to be stored, and what is promised of it.
class BlobOptions : public detail::Options<ocilayout_blob_options, ocilayout_blob_options_free,
                                           ocilayout_blob_options_new> {
public:
    OCILAYOUT_SETTER(BlobOptions, set_media_type, (const Text &media_type, OnError err = {}),
                     (err, ocilayout_blob_options_set_media_type, media_type))
    OCILAYOUT_SETTER(BlobOptions, set_compression,
                     (Compression compression, std::int32_t level = level_default,
                      OnError err = {}),
                     (err, ocilayout_blob_options_set_compression, compression, level))
    OCILAYOUT_SETTER(BlobOptions, set_source_compression,
                     (Compression compression, OnError err = {}),
                     (err, ocilayout_blob_options_set_source_compression, compression))
    OCILAYOUT_SETTER(BlobOptions, set_algorithm, (const Text &algorithm, OnError err = {}),
                     (err, ocilayout_blob_options_set_algorithm, algorithm))
    OCILAYOUT_SETTER(BlobOptions, set_expected_digest, (const Text &digest, OnError err = {}),
                     (err, ocilayout_blob_options_set_expected_digest, digest))
    OCILAYOUT_SETTER(BlobOptions, set_expected_size, (std::uint64_t size, OnError err = {}),
                     (err, ocilayout_blob_options_set_expected_size, size))
    OCILAYOUT_SETTER(BlobOptions, set_limit, (std::uint64_t max_bytes, OnError err = {}),
                     (err, ocilayout_blob_options_set_limit, max_bytes))
    OCILAYOUT_SETTER(BlobOptions, set_flags, (Blob flags, OnError err = {}),
                     (err, ocilayout_blob_options_set_flags, flags))
};

// How a directory becomes a layer.
class DirectoryOptions
    : public detail::Options<ocilayout_directory_options, ocilayout_directory_options_free,
                             ocilayout_directory_options_new> {
public:
    OCILAYOUT_SETTER(DirectoryOptions, set_clamp, (std::int64_t seconds, OnError err = {}),
                     (err, ocilayout_directory_options_set_clamp, seconds))
    OCILAYOUT_SETTER(DirectoryOptions, set_source_date_epoch, (OnError err = {}),
                     (err, ocilayout_directory_options_set_source_date_epoch))
    OCILAYOUT_SETTER(DirectoryOptions, set_owners, (Owners owners, OnError err = {}),
                     (err, ocilayout_directory_options_set_owners, owners))
    OCILAYOUT_SETTER(DirectoryOptions, map_users,
                     (std::uint32_t from, std::uint32_t to, std::uint32_t length, OnError err = {}),
                     (err, ocilayout_directory_options_map_users, from, to, length))
    OCILAYOUT_SETTER(DirectoryOptions, map_groups,
                     (std::uint32_t from, std::uint32_t to, std::uint32_t length, OnError err = {}),
                     (err, ocilayout_directory_options_map_groups, from, to, length))
    OCILAYOUT_SETTER(DirectoryOptions, exclude, (const Text &pattern, OnError err = {}),
                     (err, ocilayout_directory_options_exclude, pattern))
    OCILAYOUT_SETTER(DirectoryOptions, include, (const Text &pattern, OnError err = {}),
                     (err, ocilayout_directory_options_include, pattern))
    OCILAYOUT_SETTER(DirectoryOptions, set_flags, (Directory flags, OnError err = {}),
                     (err, ocilayout_directory_options_set_flags, flags))
};

// Sources whose blobs are stored together. What is read by a callable is kept here, moved or
// copied; streams, memory and file descriptors must stay until Layout::blob_put_all() has returned.
class Sources : public detail::Owned<ocilayout_sources, ocilayout_sources_free> {
public:
    Sources(OnError err = {}) : Owned(detail::make<Owned>(err, ocilayout_sources_new)) {}

    // A callable or a std::istream, as of a Source.
    template <class F, std::enable_if_t<std::is_constructible_v<Source, F>, int> = 0>
    Sources &add(F &&source, const BlobOptions &options = {}, OnError err = {}) & {
        using Read = std::remove_reference_t<F>;
        using Held =
            std::conditional_t<std::is_base_of_v<std::istream, Read>, Read &, std::decay_t<F>>;
        kept_.push_back(std::make_unique<Keeping<Held>>(std::forward<F>(source)));
        set(err, ocilayout_sources_add_callback, kept_.back()->source, options.get());
        return *this;
    }

    Sources &add(const Bytes &memory, const BlobOptions &options = {}, OnError err = {}) & {
        set(err, ocilayout_sources_add_memory, memory, options.get());
        return *this;
    }

    template <class T>
    Sources add(T &&source, const BlobOptions &options = {}, OnError err = {}) && {
        return std::move(add(std::forward<T>(source), options, err));
    }

    OCILAYOUT_SETTER(Sources, add_fd, (int fd, const BlobOptions &options = {}, OnError err = {}),
                     (err, ocilayout_sources_add_fd, fd, options.get()))
    OCILAYOUT_SETTER(Sources, add_file,
                     (const Text &path, const BlobOptions &options = {}, OnError err = {}),
                     (err, ocilayout_sources_add_file, path, options.get()))
    OCILAYOUT_SETTER(Sources, add_directory,
                     (const Text &path, const DirectoryOptions &directory_options = {},
                      const BlobOptions &blob_options = {}, OnError err = {}),
                     (err, ocilayout_sources_add_directory, path, directory_options.get(),
                      blob_options.get()))
    OCILAYOUT_SETTER(Sources, add_difference,
                     (const Text &lower, const Text &upper,
                      const DirectoryOptions &directory_options = {},
                      const BlobOptions &blob_options = {}, OnError err = {}),
                     (err, ocilayout_sources_add_difference, lower, upper, directory_options.get(),
                      blob_options.get()))

private:
    struct Kept {
        virtual ~Kept() = default;
        Source source;
    };

    template <class F>
    struct Keeping : Kept {
        template <class T>
        explicit Keeping(T &&given) : callable(std::forward<T>(given)) {
            source = Source(callable);
        }
        F callable;
    };

    friend std::tuple<ocilayout_sources *> in_c(const Sources &sources) noexcept {
        return {sources.get()};
    }
    friend void rethrow(const Sources &sources) {
        for (const auto &kept : sources.kept_)
            rethrow(kept->source);
    }

    std::vector<std::unique_ptr<Kept>> kept_;
};

// A blob, and what a collection did with it. It belongs to the Collection.
class Collected {
public:
    Collected(const ocilayout_collected *collected) noexcept : collected_(collected) {}

    std::string_view digest() const noexcept {
        return detail::text(ocilayout_collected_digest(collected_));
    }
    std::uint64_t size() const noexcept { return ocilayout_collected_size(collected_); }
    Fate fate() const noexcept { return static_cast<Fate>(ocilayout_collected_fate(collected_)); }

private:
    const ocilayout_collected *collected_;
};

class Collection : public detail::Owned<ocilayout_collection, ocilayout_collection_free>,
                   public detail::List<Collection, ocilayout_collection, Collected> {
public:
    using Owned::Owned;

    std::size_t size() const noexcept { return ocilayout_collection_count(get()); }

    static Collected at(const ocilayout_collection *collection, std::size_t position) noexcept {
        return ocilayout_collection_at(collection, position);
    }
};

// The places that point at the blob of a finding.
class Referenced : public detail::List<Referenced, ocilayout_finding, std::string_view> {
public:
    explicit Referenced(const ocilayout_finding *finding) noexcept : finding_(finding) {}

    std::size_t size() const noexcept { return ocilayout_finding_referenced_count(finding_); }
    const ocilayout_finding *get() const noexcept { return finding_; }

    static std::string_view at(const ocilayout_finding *finding, std::size_t position) noexcept {
        return detail::text(ocilayout_finding_referenced_at(finding, position));
    }

private:
    const ocilayout_finding *finding_;
};

// One thing that is wrong with a layout. It belongs to the Findings.
class Finding {
public:
    Finding(const ocilayout_finding *finding) noexcept : finding_(finding) {}

    FindingKind kind() const noexcept {
        return static_cast<FindingKind>(ocilayout_finding_kind(finding_));
    }
    std::string_view path() const noexcept {
        return detail::text(ocilayout_finding_path(finding_));
    }
    std::string_view message() const noexcept {
        return detail::text(ocilayout_finding_message(finding_));
    }
    std::optional<std::string_view> digest() const noexcept {
        return detail::optional_text(ocilayout_finding_digest(finding_));
    }
    Referenced referenced() const noexcept { return Referenced(finding_); }

private:
    const ocilayout_finding *finding_;
};

class Findings : public detail::Owned<ocilayout_findings, ocilayout_findings_free>,
                 public detail::List<Findings, ocilayout_findings, Finding> {
public:
    using Owned::Owned;

    std::size_t size() const noexcept { return ocilayout_findings_count(get()); }

    static Finding at(const ocilayout_findings *findings, std::size_t position) noexcept {
        return ocilayout_findings_at(findings, position);
    }
};

// An open image layout. What is const may be called by any number of threads at once.
class Layout : public detail::Owned<ocilayout, ocilayout_free> {
public:
    using Owned::Owned;

    static Layout open(const Text &path, Open flags = {}, OnError err = {}) {
        return detail::make<Layout>(err, ocilayout_open, path, flags);
    }
    static Layout open_at(int dirfd, const Text &path, Open flags = {}, OnError err = {}) {
        return detail::make<Layout>(err, ocilayout_open_at, dirfd, path, flags);
    }
    static Layout create(const Text &path, std::string_view index, BlobSource read_blob = {},
                         OnProgress progress = {}, OnError err = {}) {
        return detail::make<Layout>(err, ocilayout_create, path, index, read_blob, progress);
    }

    // A negative timeout is for as long as it takes.
    void set_lock_timeout(std::chrono::milliseconds timeout, OnError err = {}) const {
        detail::call(err, ocilayout_set_lock_timeout, get(), std::int64_t{timeout.count()});
    }
    void set_threads(std::size_t threads, OnError err = {}) const {
        detail::call(err, ocilayout_set_threads, get(), threads);
    }

    // Another handle of the same layout, whose calls interrupt() stops, from any thread.
    Layout interruptible(OnError err = {}) const {
        return detail::make<Layout>(err, ocilayout_interruptible, get());
    }
    void interrupt(OnError err = {}) const { detail::call(err, ocilayout_interrupt, get()); }

    OwnedBytes read_file(const Text &name, OnError err = {}) const {
        return detail::make<OwnedBytes>(err, ocilayout_read_file, get(), name);
    }
    void write_file(const Text &name, const Bytes &data, OnError err = {}) const {
        detail::call(err, ocilayout_write_file, get(), name, data);
    }

    Descriptor blob_put(Source source, const BlobOptions &options = {}, OnProgress progress = {},
                        OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_callback, get(), source,
                                        options.get(), progress);
    }
    Descriptor blob_put(const Bytes &memory, const BlobOptions &options = {},
                        OnProgress progress = {}, OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_memory, get(), memory,
                                        options.get(), progress);
    }
    Descriptor blob_put_fd(int fd, const BlobOptions &options = {}, OnProgress progress = {},
                           OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_fd, get(), fd, options.get(),
                                        progress);
    }
    Descriptor blob_put_file(const Text &path, const BlobOptions &options = {},
                             OnProgress progress = {}, OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_file, get(), path, options.get(),
                                        progress);
    }
    Descriptor blob_put_directory(const Text &path, const DirectoryOptions &directory_options = {},
                                  const BlobOptions &blob_options = {}, OnProgress progress = {},
                                  OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_directory, get(), path,
                                        directory_options.get(), blob_options.get(), progress);
    }
    Descriptor blob_put_difference(const Text &lower, const Text &upper,
                                   const DirectoryOptions &directory_options = {},
                                   const BlobOptions &blob_options = {}, OnProgress progress = {},
                                   OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_blob_put_difference, get(), lower, upper,
                                        directory_options.get(), blob_options.get(), progress);
    }

    // Callables of several sources may run on threads of the library, as C says.
    Descriptors blob_put_all(Sources sources, std::size_t concurrency = 0, OnProgress progress = {},
                             OnError err = {}) const {
        return detail::make<Descriptors>(err, ocilayout_blob_put_all, get(), sources, concurrency,
                                         progress);
    }

    std::uint64_t blob_size(const Text &digest, OnError err = {}) const {
        return detail::ask<std::uint64_t>(err, ocilayout_blob_size, get(), digest);
    }
    OwnedBytes blob_read(DescriptorView descriptor, std::uint64_t limit, OnError err = {}) const {
        return detail::make<OwnedBytes>(err, ocilayout_blob_read, get(), descriptor, limit);
    }
    void blob_remove(const Text &digest, OnError err = {}) const {
        detail::call(err, ocilayout_blob_remove, get(), digest);
    }

    // Without a reference the entry is named as the descriptor is.
    void append(DescriptorView descriptor, const Text &reference = {}, Append flags = {},
                OnError err = {}) const {
        detail::call(err, ocilayout_append, get(), descriptor, reference, flags);
    }

    // Says how many there were.
    std::size_t replace(Entries entries, DescriptorView descriptor, const Text &reference = {},
                        Append flags = {}, OnError err = {}) const {
        return detail::ask<std::size_t>(err, ocilayout_replace, get(), entries, descriptor,
                                        reference, flags);
    }

    // Says how many there were.
    std::size_t remove(Entries entries, OnError err = {}) const {
        return detail::ask<std::size_t>(err, ocilayout_remove, get(), entries);
    }

    Descriptor describe_index(OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_describe_index, get());
    }
    Descriptors list(Entries entries = {}, OnError err = {}) const {
        return detail::make<Descriptors>(err, ocilayout_list, get(), entries);
    }
    Descriptors children(DescriptorView descriptor, OnError err = {}) const {
        return detail::make<Descriptors>(err, ocilayout_children, get(), descriptor);
    }
    Descriptor resolve(const Text &reference, const Text &platform = {}, OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_resolve, get(), reference, platform);
    }

    Descriptor manifest_put(std::string_view json, const Text &media_type = {}, Manifest flags = {},
                            OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_manifest_put, get(), json, media_type,
                                        flags);
    }
    void write(DescriptorView descriptor, BlobSource read_blob, OnProgress progress = {},
               OnError err = {}) const {
        detail::call(err, ocilayout_write, get(), descriptor, read_blob, progress);
    }
    void write_from(DescriptorView descriptor, const Layout &source, OnProgress progress = {},
                    OnError err = {}) const {
        const ocilayout *from = source.get();
        detail::call(err, ocilayout_write_from, get(), descriptor, from, progress);
    }

    Descriptors unreferenced(OnProgress progress = {}, OnError err = {}) const {
        return detail::make<Descriptors>(err, ocilayout_unreferenced, get(), progress);
    }
    Collection collect(std::chrono::seconds grace, Collect flags = {}, OnProgress progress = {},
                       OnError err = {}) const {
        return detail::make<Collection>(err, ocilayout_collect, get(), flags,
                                        static_cast<std::uint64_t>(grace.count()), progress);
    }
    Findings verify(Verify flags = {}, OnProgress progress = {}, OnError err = {}) const {
        return detail::make<Findings>(err, ocilayout_verify, get(), flags, progress);
    }
};

// A layout whose edits nobody else sees until they are committed. Without a commit, as where an
// exception leaves its block, they are gone.
class Transaction : public Layout {
public:
    explicit Transaction(const Layout &layout, OnError err = {})
        : Layout(detail::make<Layout>(err, ocilayout_begin, layout.get())) {}

    // Another handle of the same transaction, as Layout::interruptible() makes one.
    Transaction interruptible(OnError err = {}) const {
        return Transaction(Layout::interruptible(err), OfSame());
    }

    void commit(OnError err = {}) { detail::call(err, ocilayout_commit, get()); }
    void commit_if(const Text &digest, OnError err = {}) {
        detail::call(err, ocilayout_commit_if, get(), digest);
    }

private:
    struct OfSame {};
    Transaction(Layout &&layout, OfSame) noexcept : Layout(std::move(layout)) {}
};

// A blob that is being read.
class BlobReader : public detail::Owned<ocilayout_blob_reader, ocilayout_blob_reader_free> {
public:
    BlobReader(const Layout &layout, DescriptorView descriptor, OnError err = {})
        : Owned(detail::make<Owned>(err, ocilayout_blob_reader_open, layout.get(), descriptor)) {}

    // Reads the next bytes and says how many; 0 is the end. Only whoever has read to there knows
    // that they were the right ones.
    std::size_t read(const Buffer &buffer, OnError err = {}) {
        return detail::ask<std::size_t>(err, ocilayout_blob_reader_read, get(), buffer);
    }
};

// A blob as a std::istream. Where reading fails the stream throws, or, if it was given an Error,
// which has to stay, becomes bad(). The content is checked at the end, as by BlobReader: read until
// eof().
class BlobStream : public std::istream {
public:
    BlobStream(const Layout &layout, DescriptorView descriptor, OnError err = {})
        : std::istream(nullptr), buffer_(BlobReader(layout, descriptor, err), *this, err) {
        rdbuf(&buffer_);
        if (err.throws())
            exceptions(badbit);
        else if (err.happened())
            setstate(badbit);
    }

private:
    class Streambuf : public std::streambuf {
    public:
        Streambuf(BlobReader reader, std::istream &stream, OnError err)
            : reader_(std::move(reader)), stream_(stream), err_(err) {}

    private:
        int_type underflow() override {
            const std::size_t n = reader_.read(piece_, err_);
            if (err_.happened())
                stream_.setstate(badbit);
            setg(piece_.data(), piece_.data(), piece_.data() + n);
            return n == 0 ? traits_type::eof() : traits_type::to_int_type(piece_.front());
        }

        BlobReader reader_;
        std::istream &stream_;
        OnError err_;
        std::vector<char> piece_ = std::vector<char>(64 * 1024);
    };

    Streambuf buffer_;
};

// A blob that is being written. Without finish() nothing is left of it.
class BlobWriter : public detail::Owned<ocilayout_blob_writer, ocilayout_blob_writer_free> {
public:
    explicit BlobWriter(const Layout &layout, const BlobOptions &options = {}, OnError err = {})
        : Owned(detail::make<Owned>(err, ocilayout_blob_writer_open, layout.get(), options.get())) {
    }

    void write(const Bytes &data, OnError err = {}) { set(err, ocilayout_blob_writer_write, data); }

    Descriptor finish(OnError err = {}) {
        return detail::make<Descriptor>(err, ocilayout_blob_writer_finish, get());
    }
};

// An image that is being built.
class Image : public detail::Owned<ocilayout_image, ocilayout_image_free> {
public:
    using Owned::Owned;

    explicit Image(const Layout &layout, OnError err = {})
        : Owned(detail::make<Owned>(err, ocilayout_image_new, layout.get())) {}

    static Image load(const Layout &layout, DescriptorView manifest, OnError err = {}) {
        return detail::make<Image>(err, ocilayout_image_load, layout.get(), manifest);
    }

    OCILAYOUT_SETTER(Image, set_config_json, (std::string_view json, OnError err = {}),
                     (err, ocilayout_image_set_config_json, json))
    OCILAYOUT_SETTER(Image, set_platform, (const Text &platform, OnError err = {}),
                     (err, ocilayout_image_set_platform, platform))
    OCILAYOUT_SETTER(Image, set_created, (const Text &created, OnError err = {}),
                     (err, ocilayout_image_set_created, created))
    OCILAYOUT_SETTER(Image, set_entrypoint, (const Texts &arguments, OnError err = {}),
                     (err, ocilayout_image_set_entrypoint, arguments))
    OCILAYOUT_SETTER(Image, set_command, (const Texts &arguments, OnError err = {}),
                     (err, ocilayout_image_set_command, arguments))
    OCILAYOUT_SETTER(Image, set_env, (const Text &name, const Text &value, OnError err = {}),
                     (err, ocilayout_image_set_env, name, value))
    OCILAYOUT_SETTER(Image, set_working_dir, (const Text &path, OnError err = {}),
                     (err, ocilayout_image_set_working_dir, path))
    OCILAYOUT_SETTER(Image, set_user, (const Text &user, OnError err = {}),
                     (err, ocilayout_image_set_user, user))
    OCILAYOUT_SETTER(Image, set_label, (const Text &key, const Text &value, OnError err = {}),
                     (err, ocilayout_image_set_label, key, value))
    OCILAYOUT_SETTER(Image, add_exposed_port, (const Text &port, OnError err = {}),
                     (err, ocilayout_image_add_exposed_port, port))
    OCILAYOUT_SETTER(Image, set_annotation, (const Text &key, const Text &value, OnError err = {}),
                     (err, ocilayout_image_set_annotation, key, value))
    OCILAYOUT_SETTER(Image, add_layer,
                     (DescriptorView layer, const Text &diff_id = {}, const Text &created_by = {},
                      OnError err = {}),
                     (err, ocilayout_image_add_layer, layer, diff_id, created_by))
    OCILAYOUT_SETTER(Image, add_history,
                     (const Text &created_by, const Text &comment = {}, OnError err = {}),
                     (err, ocilayout_image_add_history, created_by, comment))

    Descriptor finish(OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_image_finish, get());
    }
};

// An image index that is being built.
class Index : public detail::Owned<ocilayout_index, ocilayout_index_free> {
public:
    using Owned::Owned;

    explicit Index(const Layout &layout, OnError err = {})
        : Owned(detail::make<Owned>(err, ocilayout_index_new, layout.get())) {}

    OCILAYOUT_SETTER(Index, add_manifest, (DescriptorView manifest, OnError err = {}),
                     (err, ocilayout_index_add_manifest, manifest))
    OCILAYOUT_SETTER(Index, set_annotation, (const Text &key, const Text &value, OnError err = {}),
                     (err, ocilayout_index_set_annotation, key, value))

    Descriptor finish(OnError err = {}) const {
        return detail::make<Descriptor>(err, ocilayout_index_finish, get());
    }
};

#undef OCILAYOUT_SETTER

} // inline namespace
} // namespace oci_layout

#endif // OCILAYOUT_HPP
