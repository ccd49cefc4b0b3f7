// What Embind's own JavaScript does with the constants and types of bindings.cpp: numbers and booleans in, a number, a
// boolean, nothing or a view out. WebAssembly converts what goes in by itself. Views are handed out once and kept for
// good, so that no handle is counted. 2.4 KB less after gzip, and less time a call. Emscripten takes the text of these
// functions: they cannot be arrow functions.
mergeInto(LibraryManager.library, {
  /** Type to how its values come out; those of a type that is not here come as they are. */
  $fromCpp: {},
  /** Type of a view to its class. */
  $viewClasses: {},
  $views: [],
  $nameAt: function (at) {
    return String.fromCharCode(...HEAPU8.subarray(at, HEAPU8.indexOf(0, at)));
  },

  _embind_register_void: function () {},
  _embind_register_integer__deps: ["$fromCpp"],
  _embind_register_integer: function (type, name, size, least) {
    if (least === 0) fromCpp[type] = (value) => value >>> 0;
  },
  _embind_register_bool__deps: ["$fromCpp"],
  _embind_register_bool: function (type) {
    fromCpp[type] = Boolean;
  },
  _embind_register_emval__deps: ["$fromCpp", "$views"],
  _embind_register_emval: function (type) {
    fromCpp[type] = (handle) => views[handle];
  },
  _embind_register_memory_view__deps: ["$viewClasses"],
  _embind_register_memory_view: function (type, index) {
    viewClasses[type] = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array][index];
  },
  _embind_register_constant__deps: ["$nameAt"],
  _embind_register_constant: function (name, type, value) {
    Module[nameAt(name)] = value;
  },
  _embind_register_function__deps: ["$fromCpp", "$nameAt"],
  _embind_register_function: function (name, count, types, signature, invoker, target) {
    const result = HEAPU32[types >> 2];
    const call = wasmTable.get(invoker);
    // Bound, where nothing comes out that is to be changed: no array of the arguments is made.
    const bound = call.bind(null, target);
    const convert = fromCpp[result];
    // No such function has more than three arguments. A list of them would be made anew for every call.
    Module[nameAt(name)] = convert
      ? (a, b, c) => convert(bound(a, b, c))
      : bound;
  },
  /** A view from where C++ has put its length and place. */
  _emval_take_value__deps: ["$views", "$viewClasses"],
  _emval_take_value: function (type, view) {
    return views.push(new viewClasses[type](HEAPU8.buffer, HEAPU32[(view >> 2) + 1], HEAPU32[view >> 2])) - 1;
  },
  _emval_incref: function () {},
  _emval_decref: function () {},
});
