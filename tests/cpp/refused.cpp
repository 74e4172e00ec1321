// What must not compile: each line that says what the compiler has to say of it, and no other. With
// UNTOLD it is what is wrong only where there are no exceptions.
#include <ocilayout.hpp>

namespace oci = oci_layout;

void refused(oci::Layout &layout, oci::Descriptor &descriptor, oci::Error &err) {
    layout.append(descriptor, "name", oci::Append::duplicate | oci::Append::missing_allowed, err);
#ifdef UNTOLD
    layout.append(descriptor); // refused: each call needs an Error
#else
    oci::Transaction transaction(layout, err);
    oci::Layout moved = std::move(layout);
    oci::Layout copied = moved; // refused: use of deleted function
    moved = transaction; // refused: use of deleted function
    moved = std::move(transaction);
    oci::Descriptor same = descriptor; // refused: use of deleted function
    oci::Sources sources(err);
    moved.blob_put_all(sources, 0, {}, err); // refused: use of deleted function

    // What belongs to a list is not changed.
    moved.list({}, err)[0].set_reference("name", err); // refused: has no member named
    // Flags of another function.
    moved.append(descriptor, "name", oci::Open::create, err); // refused: cannot convert
    // An answer that C takes for the contrary.
    moved.verify({}, [](const oci::Progress &) { return 1; }, err); // refused: whether to go on
    moved.verify({}, [](const oci::Progress &) { return true; }, err);
    moved.list([](oci::DescriptorView) { return 0.5; }, err); // refused: a bool, or as in C
    moved.blob_put([](oci::Buffer) { return 0.5; }, {}, {}, err); // refused: how many bytes
    moved.blob_put([](oci::Buffer) { return 0; }, {}, {}, err);
    // Nothing says which entries are meant.
    moved.remove(); // refused: no matching function
    // Memory of more than bytes.
    moved.blob_put(std::vector<int>{1, 2, 3}, {}, {}, err); // refused: no matching function
    moved.blob_put(std::vector<char>{1, 2, 3}, {}, {}, err);
#endif
}
