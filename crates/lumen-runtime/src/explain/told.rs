//! An explanation as lines: of what does not hold the parts that fail, of what holds those by which it does.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Part, Why, WhyMacro};

/// Most lines of an explanation.
const LINES_MAX: usize = 60;

/// Most parts of one `or` that are told.
const PARTS_MAX: usize = 12;

/// Deepest nesting that is told.
const DEPTH_MAX: usize = 40;

/// An explanation in lines for people, each with `yes` or `no` in front.
#[derive(Debug, Default)]
pub struct Told {
    lines: Vec<String>,
    macros: HashSet<*const WhyMacro>,
    is_cut: bool,
}

impl Told {
    /// Tells why.
    pub fn of(why: &Why) -> Vec<String> {
        let mut told = Self::default();
        told.body(why, 0);
        if told.is_cut {
            told.lines.push("..".to_owned());
        }
        told.lines
    }

    fn line(&mut self, holds: bool, depth: usize, text: &str) {
        if self.lines.len() >= LINES_MAX {
            self.is_cut = true;
            return;
        }
        let word = if holds { "yes" } else { "no " };
        self.lines.push(format!("{word} {}{text}", "  ".repeat(depth)));
    }

    /// What stands for itself: the parts of an `and` need no line above them.
    fn body(&mut self, why: &Why, depth: usize) {
        match &why.part {
            Part::All(children) => self.deciding(children, why.holds, depth),
            _ => self.part(why, depth),
        }
    }

    /// The parts that decided: all that are as the whole is.
    fn deciding(&mut self, children: &[Why], holds: bool, depth: usize) {
        let deciding: Vec<&Why> = children.iter().filter(|child| child.holds == holds).collect();
        for child in deciding.iter().take(PARTS_MAX) {
            self.part(child, depth);
        }
        if deciding.len() > PARTS_MAX {
            self.line(holds, depth, &format!(".. and {} more", deciding.len() - PARTS_MAX));
        }
    }

    fn part(&mut self, why: &Why, depth: usize) {
        if depth > DEPTH_MAX {
            self.is_cut = true;
            return;
        }
        match &why.part {
            Part::Check(check) => self.line(why.holds, depth, &check.to_string()),
            Part::Macro(named) => self.named(named, why.holds, depth, ""),
            Part::Not(child) => match &child.part {
                Part::Check(check) => self.line(why.holds, depth, &format!("not {check}")),
                Part::Macro(named) => self.named(named, why.holds, depth, "not "),
                _ => {
                    self.line(why.holds, depth, "not");
                    self.part(child, depth + 1);
                }
            },
            Part::All(children) => {
                self.line(why.holds, depth, if why.holds { "all of" } else { "not all of" });
                self.deciding(children, why.holds, depth + 1);
            }
            Part::Any(children) => {
                self.line(why.holds, depth, if why.holds { "one of" } else { "none of" });
                self.deciding(children, why.holds, depth + 1);
            }
        }
    }

    fn named(&mut self, named: &Arc<WhyMacro>, holds: bool, depth: usize, before: &str) {
        if !self.macros.insert(Arc::as_ptr(named)) {
            return self.line(holds, depth, &format!("{before}{}, as above", named.name));
        }
        self.line(holds, depth, &format!("{before}{}", named.name));
        self.body(&named.body, depth + 1);
    }
}
