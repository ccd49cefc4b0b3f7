// Registers the types of bindings.cpp, where Embind's own library would register all types. It is for Emscripten 3.1.6:
// CMakeLists.txt says why.

#include <emscripten/bind.h>

#include <cstdint>
#include <limits>

using namespace emscripten;
using namespace emscripten::internal;

namespace {

template <typename Integer>
void registerInteger(const char* name) {
  _embind_register_integer(TypeID<Integer>::get(), name, sizeof(Integer), std::numeric_limits<Integer>::min(),
                           std::numeric_limits<Integer>::max());
}

/// `index` is the array's place in the list of Embind's JavaScript.
template <typename Element>
void registerView(unsigned index) {
  _embind_register_memory_view(TypeID<memory_view<Element>>::get(), index, "view");
}

}  // namespace

EMSCRIPTEN_BINDINGS(types) {
  _embind_register_void(TypeID<void>::get(), "void");
  _embind_register_bool(TypeID<bool>::get(), "bool", sizeof(bool), true, false);
  registerInteger<int>("int");
  registerInteger<std::uint32_t>("unsigned int");
  _embind_register_emval(TypeID<val>::get(), "val");
  registerView<std::int8_t>(0);
  registerView<float>(6);
  registerView<double>(7);
}
