//! Any text as a quantity: what is read prints to a text that is the same amount, and sums take bounded time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::quantity::Quantity;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (first, second) = text.split_once(' ').unwrap_or((text, "1"));
    let (Ok(first), Ok(second)) = (Quantity::parse(first), Quantity::parse(second)) else {
        return;
    };
    let printed = first.to_string();
    let again = Quantity::parse(&printed).expect("what is printed can be read");
    // The format may be another: a binary amount that takes no suffix reads back as a decimal one, upstream too.
    assert!(
        again == first || overflows(&first),
        "{first} reads back as {again}"
    );
    assert_eq!(first.cmp(&second), second.cmp(&first).reverse());
    if let (Ok(sum), Ok(other)) = (first.add(&second), second.add(&first)) {
        assert!(sum == other, "{first} + {second}");
        if let Ok(back) = sum.subtract(&second) {
            assert!(back == first, "{first} + {second} - {second} = {back}");
        }
    }
});

/// Amounts beyond the largest suffix print without one, as upstream prints them, and are another amount then.
fn overflows(quantity: &Quantity) -> bool {
    quantity.value().is_none()
}
