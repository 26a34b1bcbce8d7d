//! Captures that the tests write themselves: forms, byte orders, and what is broken.

mod broken;
mod lists;
mod state;
mod writer;
