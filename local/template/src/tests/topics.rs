//! Kafka topics.

use super::*;

fn with_topic(properties: &str) -> String {
    format!(
        "Resources:\n  T:\n    Type: AWS::MSK::Topic\n    Properties:\n      ClusterArn: c\n      \
         ReplicationFactor: 3\n{properties}\n"
    )
}

#[test]
fn reads_name_partitions_and_configs() {
    let topic = "      TopicName: events\n      PartitionCount: 8\n      Configs:\n        \
                 Fn::Base64: |\n          # a comment\n          retention.ms=1000\n          \
                 cleanup.policy = compact\n";
    let topic = plan(&with_topic(topic)).topics.remove(0);
    assert_eq!((topic.name.as_str(), topic.partitions), ("events", 8));
    let configs: Vec<_> = topic.configs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(configs, [("cleanup.policy", "compact"), ("retention.ms", "1000")]);
}

#[test]
fn refuses_topics_that_cannot_be() {
    refuses(
        &with_topic("      TopicName: a b\n      PartitionCount: 0\n      Configs: '%%'"),
        &[
            "8:18 Resources.T.Properties.TopicName: `a b` is not a topic's name: 2 to 249 letters, \
             digits, `.`, `_` and `-`, no `.` first",
            "9:23 Resources.T.Properties.PartitionCount: must be between 1 and 6000, not 0",
            "10:16 Resources.T.Properties.Configs: must be base64 of a properties text (write it as \
             `Fn::Base64: |` with one `name=value` a line)",
        ],
    );
    refuses(
        "Resources:\n  T: {Type: AWS::MSK::Topic, Properties: {TopicName: aa}}\n",
        &[
            "3:30 Resources.T.Properties: `ClusterArn` is missing",
            "3:30 Resources.T.Properties: `PartitionCount` is missing",
            "3:30 Resources.T.Properties: `ReplicationFactor` is missing",
        ],
    );
}

#[test]
fn refuses_two_topics_of_one_name() {
    let topic = "{Type: AWS::MSK::Topic, Properties: {ClusterArn: c, TopicName: aa, \
                 PartitionCount: 1, ReplicationFactor: 1}}";
    refuses(
        &format!("Resources:\n  T: {topic}\n  U: {topic}\n"),
        &["4:30 Resources.U.Properties: another topic is named `aa` already"],
    );
}
