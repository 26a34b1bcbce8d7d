//! Which bracket a text leaves open: what an error at the end of the text does not say.

/// The innermost bracket that is open at the end of a text, with its row and column, from 1; `None` where there is none.
/// Brackets in strings and comments do not count.
pub(super) fn bracket(text: &str) -> Option<(char, u32, u32)> {
    let mut open: Vec<(char, u32, u32)> = Vec::new();
    let (mut row, mut column) = (1_u32, 0_u32);
    // What ends the string or comment that the place is in.
    let mut inside: Option<char> = None;
    let mut is_escaped = false;
    for character in text.chars() {
        column = column.saturating_add(1);
        match inside {
            Some('"') if is_escaped => is_escaped = false,
            Some('"') if character == '\\' => is_escaped = true,
            Some(end) if character == end => inside = None,
            Some(_) => {}
            None => match character {
                '"' | '`' => inside = Some(character),
                '#' => inside = Some('\n'),
                '{' | '[' | '(' => open.push((character, row, column)),
                '}' | ']' | ')' => _ = open.pop(),
                _ => {}
            },
        }
        if character == '\n' {
            row = row.saturating_add(1);
            column = 0;
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::bracket;

    #[test]
    fn the_innermost_open_bracket_is_found_outside_of_strings_and_comments() {
        assert_eq!(bracket("package a\n\nallow if {\n  input.x == 1\n"), Some(('{', 3, 10)));
        assert_eq!(bracket("a := [1, \"]\\\"]\", `]` # ]\n"), Some(('[', 1, 6)));
        assert_eq!(bracket("a := {1: [2, (3)]}"), None);
        assert_eq!(bracket("# {\nb := \"{\"\n"), None);
    }
}
