//! What `Ref` and `Fn::GetAtt` say about parameters, pseudo parameters and resources.
//! Resources that run here have names and ARNs; of inert ones nothing is known.

use super::{Resolved, Resolver, because};
use crate::{
    node::{Node, Unresolved, Value},
    resources::IMPLICIT_API,
};

impl Resolver<'_> {
    /// `Ref`; nothing for `AWS::NoValue`.
    pub(super) fn reference(&self, name: &str, depth: usize) -> Resolved<Option<Value>> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(node) = self.parameters.get(name) {
            return match &node.value {
                Value::Unresolved(why) => Err(why.clone()),
                value => Ok(Some(value.clone())),
            };
        }
        let text = match name {
            "AWS::AccountId" => self.account().to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::Region" => self.region().to_owned(),
            "AWS::StackId" => self.arn("cloudformation", &format!("stack/{}/local", self.stack())),
            "AWS::StackName" => self.stack().to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::NotificationARNs" => return Ok(Some(Value::List(Vec::new()))),
            name => self.reference_to_resource(name, depth)?,
        };
        Ok(Some(Value::Text(text)))
    }

    fn reference_to_resource(&self, name: &str, depth: usize) -> Resolved<String> {
        let Some(kind) = self.type_of(name)? else { return Ok(IMPLICIT_API.to_owned()) };
        match kind {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                self.name_of(name, "FunctionName", depth)
            }
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                self.name_of(name, "TableName", depth)
            }
            "AWS::Serverless::HttpApi" => Ok(name.to_owned()),
            "AWS::MSK::Cluster" | "AWS::MSK::ServerlessCluster" => self.local_value("kafka.arn"),
            "AWS::MSK::Topic" => self.topic_arn(name, depth),
            "AWS::S3::Bucket" => self.name_of(name, "BucketName", depth),
            "AWS::SNS::Topic" => Ok(self.arn("sns", &self.name_of(name, "TopicName", depth)?)),
            "AWS::SecretsManager::Secret" => {
                let secret = self.name_of(name, "Name", depth)?;
                Ok(self.arn("secretsmanager", &format!("secret:{secret}")))
            }
            kind => unknown(name, kind, "Ref"),
        }
    }

    /// `Fn::GetAtt`.
    pub(super) fn attribute(&self, name: &str, attribute: &str, depth: usize) -> Resolved<String> {
        let Some(kind) = self.type_of(name)? else {
            return self.api_attribute(name, attribute);
        };
        match (kind, attribute) {
            ("AWS::Serverless::Function" | "AWS::Lambda::Function", "Arn") => {
                let function = self.name_of(name, "FunctionName", depth)?;
                Ok(self.arn("lambda", &format!("function:{function}")))
            }
            ("AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable", "Arn") => {
                let table = self.name_of(name, "TableName", depth)?;
                Ok(self.arn("dynamodb", &format!("table/{table}")))
            }
            ("AWS::MSK::Cluster" | "AWS::MSK::ServerlessCluster", "Arn") => {
                self.local_value("kafka.arn")
            }
            ("AWS::MSK::Topic", "TopicArn") => self.topic_arn(name, depth),
            ("AWS::S3::Bucket", "Arn") => {
                Ok(format!("arn:aws:s3:::{}", self.name_of(name, "BucketName", depth)?))
            }
            ("AWS::SNS::Topic", "TopicArn") => self.reference_to_resource(name, depth),
            ("AWS::SQS::Queue", "Arn") => {
                Ok(self.arn("sqs", &self.name_of(name, "QueueName", depth)?))
            }
            ("AWS::Serverless::HttpApi", _) => self.api_attribute(name, attribute),
            (kind, attribute) => unknown(name, kind, attribute),
        }
    }

    fn api_attribute(&self, name: &str, attribute: &str) -> Resolved<String> {
        match attribute {
            "ApiEndpoint" => self.local_value("gateway.endpoint"),
            _ => unknown(name, "AWS::Serverless::HttpApi", attribute),
        }
    }

    /// The type of a resource; nothing for the API that SAM adds by itself.
    fn type_of(&self, name: &str) -> Resolved<Option<&str>> {
        let resource = self.resources.and_then(|entry| entry.value.get(name));
        match resource {
            Some(node) => match node.get("Type").and_then(Node::as_text) {
                Some(kind) => Ok(Some(kind)),
                None => Err(Unresolved::Reported),
            },
            None if name == IMPLICIT_API => Ok(None),
            None => because(format!("there is no parameter or resource `{name}`")),
        }
    }

    /// The name a resource gives itself, else its logical id.
    fn name_of(&self, resource: &str, property: &str, depth: usize) -> Resolved<String> {
        let node = self.property(resource, property);
        let node = node.and_then(|node| self.resolve_at(node, depth));
        node.map_or_else(|| Ok(resource.to_owned()), |node| self.text(&node, depth))
    }

    /// `arn:aws:kafka:…:topic/<cluster>/<uuid>/<topic>`, from the cluster's ARN.
    fn topic_arn(&self, resource: &str, depth: usize) -> Resolved<String> {
        let Some(cluster) = self.property(resource, "ClusterArn") else {
            return because(format!("`{resource}` has no `ClusterArn`"));
        };
        let cluster = self.text(cluster, depth)?.replacen(":cluster/", ":topic/", 1);
        Ok(format!("{cluster}/{}", self.name_of(resource, "TopicName", depth)?))
    }

    fn property(&self, resource: &str, property: &str) -> Option<&Node> {
        self.resources?.value.get(resource)?.get("Properties")?.get(property)
    }

    fn local_value(&self, name: &str) -> Resolved<String> {
        match self.local.get(name) {
            Some(value) => Ok(value.clone()),
            None => because(format!("the local cloud does not say its `{name}`")),
        }
    }

    fn stack(&self) -> &str {
        self.local_or("stack", "local")
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region(), self.account())
    }
}

fn unknown<T>(name: &str, kind: &str, attribute: &str) -> Resolved<T> {
    let message = format!("`{attribute}` of `{name}` (`{kind}`) has no value here");
    let hint = "make it a parameter with a value for local runs, or set the variable by --env-vars";
    Err(Unresolved::Because { message, hint: Some(hint.to_owned()) })
}
