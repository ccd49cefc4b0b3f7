// Embind registers every type it knows, used or not. No string and no 64-bit integer passes here, and leaving out the
// code for them saves 1.4 KB after gzip. Emscripten takes the text of these functions, so they cannot be arrow functions.
mergeInto(LibraryManager.library, {
  _embind_register_std_string: function () {},
  _embind_register_std_wstring: function () {},
  _embind_register_bigint: function () {},
});
