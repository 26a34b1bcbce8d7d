//! What MITRE ATT&CK says of the techniques that the tags of the default rules name: to which tactics each belongs.

/// Techniques with their tactics, of version 17 for enterprises. Later versions divide the tactic of defence evasion; tags keep its
/// name, as those of Falco's rules do.
pub(crate) const TECHNIQUES: &[(&str, &[&str])] = &[
    ("T1003.007", &["credential_access"]),
    ("T1003.008", &["credential_access"]),
    ("T1005", &["collection"]),
    ("T1014", &["defense_evasion"]),
    ("T1021.004", &["lateral_movement"]),
    ("T1027.010", &["defense_evasion"]),
    ("T1033", &["discovery"]),
    ("T1036.004", &["defense_evasion"]),
    ("T1036.005", &["defense_evasion"]),
    ("T1037.004", &["persistence", "privilege_escalation"]),
    ("T1040", &["credential_access", "discovery"]),
    ("T1041", &["exfiltration"]),
    ("T1046", &["discovery"]),
    ("T1048", &["exfiltration"]),
    ("T1048.003", &["exfiltration"]),
    ("T1053.002", &["execution", "persistence", "privilege_escalation"]),
    ("T1053.003", &["execution", "persistence", "privilege_escalation"]),
    ("T1053.007", &["execution", "persistence", "privilege_escalation"]),
    ("T1055.008", &["defense_evasion", "privilege_escalation"]),
    ("T1055.009", &["defense_evasion", "privilege_escalation"]),
    ("T1057", &["discovery"]),
    ("T1059", &["execution"]),
    ("T1059.004", &["execution"]),
    ("T1068", &["privilege_escalation"]),
    ("T1070", &["defense_evasion"]),
    ("T1070.002", &["defense_evasion"]),
    ("T1070.003", &["defense_evasion"]),
    ("T1071", &["command_and_control"]),
    ("T1078.003", &["defense_evasion", "persistence", "privilege_escalation", "initial_access"]),
    ("T1082", &["discovery"]),
    ("T1083", &["discovery"]),
    ("T1090", &["command_and_control"]),
    ("T1095", &["command_and_control"]),
    ("T1098", &["persistence", "privilege_escalation"]),
    ("T1098.004", &["persistence", "privilege_escalation"]),
    ("T1105", &["command_and_control"]),
    ("T1110.002", &["credential_access"]),
    ("T1133", &["persistence", "initial_access"]),
    ("T1136.001", &["persistence"]),
    ("T1140", &["defense_evasion"]),
    ("T1190", &["initial_access"]),
    ("T1195.001", &["initial_access"]),
    ("T1195.002", &["initial_access"]),
    ("T1222.002", &["defense_evasion"]),
    ("T1485", &["impact"]),
    ("T1496", &["impact"]),
    ("T1505.003", &["persistence"]),
    ("T1528", &["credential_access"]),
    ("T1529", &["impact"]),
    ("T1542.003", &["persistence", "defense_evasion"]),
    ("T1543.002", &["persistence", "privilege_escalation"]),
    ("T1543.005", &["persistence", "privilege_escalation"]),
    ("T1546", &["persistence", "privilege_escalation"]),
    ("T1546.004", &["persistence", "privilege_escalation"]),
    ("T1546.017", &["persistence", "privilege_escalation"]),
    ("T1547.006", &["persistence", "privilege_escalation"]),
    ("T1547.013", &["persistence", "privilege_escalation"]),
    ("T1548.001", &["privilege_escalation", "defense_evasion"]),
    ("T1548.003", &["privilege_escalation", "defense_evasion"]),
    ("T1552", &["credential_access"]),
    ("T1552.001", &["credential_access"]),
    ("T1552.004", &["credential_access"]),
    ("T1552.005", &["credential_access"]),
    ("T1552.007", &["credential_access"]),
    ("T1553.004", &["defense_evasion"]),
    ("T1554", &["persistence"]),
    ("T1556.003", &["credential_access", "defense_evasion", "persistence"]),
    ("T1561", &["impact"]),
    ("T1562.001", &["defense_evasion"]),
    ("T1562.004", &["defense_evasion"]),
    ("T1562.006", &["defense_evasion"]),
    ("T1562.012", &["defense_evasion"]),
    ("T1564", &["defense_evasion"]),
    ("T1564.001", &["defense_evasion"]),
    ("T1565.001", &["impact"]),
    ("T1570", &["lateral_movement"]),
    ("T1571", &["command_and_control"]),
    ("T1572", &["command_and_control"]),
    ("T1574.006", &["persistence", "privilege_escalation", "defense_evasion"]),
    ("T1609", &["execution"]),
    ("T1610", &["execution", "defense_evasion"]),
    ("T1611", &["privilege_escalation"]),
    ("T1613", &["discovery"]),
    ("T1620", &["defense_evasion"]),
    ("T1622", &["defense_evasion", "discovery"]),
];

/// What is wrong with the tags of a rule: techniques that are not in the table, that belong to none of the tactics named, and
/// tactics to which no technique named belongs.
pub(crate) fn mismatched<'a>(tags: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let tactics: Vec<&str> = tags.clone().filter_map(|tag| tag.strip_prefix("mitre_")).collect();
    let mut reached = Vec::new();
    let mut wrong = Vec::new();
    for technique in tags.filter(|tag| super::is_technique(tag)) {
        match TECHNIQUES.iter().find(|(id, _)| *id == technique) {
            None => wrong.push(format!("{technique} is not in the table")),
            Some((_, its)) if its.iter().any(|tactic| tactics.contains(tactic)) => reached.extend(*its),
            Some((_, its)) => wrong.push(format!("{technique} belongs to {}", its.join(", "))),
        }
    }
    let lone = tactics.iter().filter(|tactic| !reached.contains(tactic));
    wrong.extend(lone.map(|tactic| format!("no technique of {tactic}")));
    wrong
}
