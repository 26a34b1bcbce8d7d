use proptest::prelude::*;

use super::*;

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_canonical_text_is_the_shortest_exact_one() {
    for (text, canonical) in [
        ("0", "0"),
        ("1.5", "1500m"),
        ("1000m", "1"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1500", "1500"),
        ("1e1", "10"),
        ("1E3", "1e3"),
        ("0.0000000001", "1n"),
        ("-0.0000000001", "-1n"),
        ("8Ei", "9223372036854775807"),
        ("1000E", "1"),
        ("-", "0"),
        ("Ki", "0"),
    ] {
        assert_eq!(quantity(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn an_endless_exponent_costs_nothing() {
    let huge = quantity("1e999999999");
    assert_eq!(huge.to_string(), "1e999999999");
    assert_eq!(huge.value(), None);
    assert!(huge > quantity("9E") && quantity("-1e999999999") < quantity("0"));
    assert_eq!(huge.add(&quantity("1")), Err(TooFarApart));
    assert_eq!(huge.add(&quantity("0")).as_ref(), Ok(&huge));
    assert_eq!(quantity("1e-999999999").to_string(), "1e-9");
    assert_eq!(quantity("0e-999999999").to_string(), "0");
    assert_eq!(Quantity::parse(&"9".repeat(TEXT_BYTES_MAX + 1)), Err(ParseError::TooLong));
    assert!(Quantity::parse(&"9".repeat(TEXT_BYTES_MAX)).is_ok());
    assert_eq!(Quantity::parse("1e99999999999999999999"), Err(ParseError::Suffix));
}

#[test]
fn fields_hold_strings_or_numbers() {
    assert_eq!(Quantity::of(&" 1Ki ".into()), Ok(quantity("1024")));
    assert_eq!(Quantity::of(&"1\n".into()), Err(ParseError::Grammar));
    assert_eq!(Quantity::of(&2.into()), Ok(quantity("2")));
    assert_eq!(Quantity::of(&Value::Null), Ok(quantity("0")));
    assert_eq!(Quantity::of(&true.into()), Err(ParseError::Grammar));
    assert_eq!(Quantity::of(&"a lot".into()), Err(ParseError::Grammar));
}

fn any_text() -> impl Strategy<Value = String> {
    "[+-]?[0-9]{0,12}(\\.[0-9]{0,12})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[+-]?[0-9]{1,2})?"
}

proptest! {
    #[test]
    fn the_canonical_text_is_its_own(text in any_text()) {
        if let Ok(parsed) = Quantity::parse(&text) {
            let canonical = parsed.to_string();
            // Without a suffix for it, what is printed is another amount.
            if parsed.format() == Format::DecimalExponent || parsed < quantity("1000E") && parsed > quantity("-1000E") {
                let again = quantity(&canonical);
                prop_assert_eq!(&again, &parsed);
                prop_assert_eq!(again.to_string(), canonical);
            }
        }
    }

    #[test]
    fn adding_and_subtracting_undo_each_other(a in any_text(), b in any_text()) {
        if let (Ok(a), Ok(b)) = (Quantity::parse(&a), Quantity::parse(&b)) {
            let sum = a.add(&b).expect("they are close");
            prop_assert_eq!(sum.subtract(&b).expect("they are close"), a.clone());
            prop_assert_eq!(sum.cmp(&b), a.sign());
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,20}") {
        if let Ok(parsed) = Quantity::parse(&text) {
            prop_assert_eq!(parsed.cmp(&parsed.clone()), Ordering::Equal);
        }
    }
}
