// The interface of ggml's blocks to JavaScript: a module of its own, which is loaded only for GGUF files. The
// TypeScript that calls checks arguments.

#include <emscripten/bind.h>

#include <cstddef>
#include <cstdint>

#include "core/blocks/blocks.h"

// Nothing here allocates; bindings.cpp says more.
extern "C" {
void* malloc(std::size_t) { return nullptr; }
void free(void*) {}
}

namespace {

using namespace channelwise::blocks;
using emscripten::typed_memory_view;
using emscripten::val;

/// The number of weights that are staged at a time: a multiple of every block's length, and 128 KB, which the second
/// cache holds beside the blocks.
constexpr std::size_t kWeights = 32 << 10;
/// The most bytes that staged weights take as blocks: Q8_0 takes 34 for 32 weights.
constexpr std::size_t kBytes = kWeights / Q8_0::kLength * sizeof(Q8_0);

alignas(64) float weights[kWeights];
alignas(64) std::int8_t bytes[kBytes];

val weightsView() { return val(typed_memory_view(kWeights, weights)); }

val bytesView() { return val(typed_memory_view(kBytes, bytes)); }

bool encodeStaged(int type, std::uint32_t count, bool searched) {
  return encode(static_cast<BlockType>(type), weights, count, searched ? Encoder::kSearch : Encoder::kGgml, bytes);
}

bool decodeStaged(int type, std::uint32_t count) { return decode(static_cast<BlockType>(type), bytes, count, weights); }

}  // namespace

EMSCRIPTEN_BINDINGS(blocks) {
  using emscripten::function;
  function("weights", &weightsView);
  function("bytes", &bytesView);
  function("encode", &encodeStaged);
  function("decode", &decodeStaged);
}
