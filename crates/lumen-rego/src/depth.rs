//! Native recursion over trees that foreign text made: the tree's depth is bounded when it is parsed, and the stack grows
//! where that bound is more than the thread has.

/// How deep a tree may nest. A text that nests deeper is a parse error.
pub(crate) const DEPTH_MAX: usize = 2_400;

/// How many keys a reference or a package may have. What is kept by path nests, or is as long, as this.
pub(crate) const KEYS_MAX: usize = 256;

/// Runs `f` with stack enough for one more level of a tree. Every function that calls itself over a tree does so in it.
pub(crate) fn grow<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || once(f))
}

/// Keeps the code of `f` in one place. It would stand in the program twice, for either stack, and so would what it calls.
#[inline(never)]
fn once<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// What dropping the deepest tree takes, and some more. Trees have no `drop` of their own, so this is made sure of around them.
const DROP_BYTES: usize = 6 << 20;

/// Runs `f`, which drops trees, with stack enough for the deepest.
pub(crate) fn roomy<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(DROP_BYTES, DROP_BYTES + (1 << 20), || once(f))
}
