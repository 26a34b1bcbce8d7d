//! The table of checks holds together.

use super::*;

#[test]
fn checks_stand_in_upstreams_order_and_ids_are_unique() {
    let keys: Vec<_> = CHECKS.iter().map(|check| (check.level, check.id)).collect();
    // `seLinuxOptions` sorts before `seccompProfile_baseline`: bytes, not letters.
    assert!(keys.is_sorted());
    assert_eq!(CHECKS.iter().filter(|check| check.level == Level::Baseline).count(), 12);
    assert_eq!(CHECKS.len(), 19);
    for check in CHECKS {
        assert!(check.since.is_sorted_by(|a, b| a < b), "{}", check.id);
        let kebab = check.rule.name.replace('-', "");
        assert_eq!(kebab, check.id.to_lowercase().replace('_', ""), "{}", check.id);
    }
}

#[test]
fn overrides_name_each_other() {
    for check in CHECKS {
        if let Some(id) = check.overrides {
            let other = CHECKS.iter().find(|other| other.id == id).expect(id);
            assert_eq!(other.overridden_since, check.since.first().copied(), "{id}");
        }
    }
    assert_eq!(CHECKS.iter().filter(|check| check.overrides.is_some()).count(), 4);
    assert_eq!(CHECKS.iter().filter(|check| check.overridden_since.is_some()).count(), 4);
}

#[test]
fn each_level_demands_as_many_checks_as_upstream() {
    let count = |level, minor| {
        let wanted = LevelVersion::new(level, Version::Minor(minor));
        CHECKS.iter().filter(|check| check.is_demanded_by(wanted)).count()
    };
    assert_eq!(count(Level::Privileged, 37), 0);
    assert_eq!(count(Level::Baseline, 0), 11);
    assert_eq!(count(Level::Baseline, 34), 12);
    assert_eq!(count(Level::Restricted, 0), 12);
    assert_eq!(count(Level::Restricted, 8), 13);
    assert_eq!(count(Level::Restricted, 22), 13);
    assert_eq!(count(Level::Restricted, 23), 14);
    assert_eq!(count(Level::Restricted, 37), 15);
}
