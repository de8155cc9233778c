//! What a CloudTrail event was done to: its resources, else what its parameters name. There is no general member for it.

use crate::foreign;
use entry::Target;
use entry::json::{Object, Value};

/// A parameter that names a target.
struct Parameter {
    /// The first label of `eventSource`; empty: any.
    service: &'static str,
    /// Where in `requestParameters`; `*` stands for every element.
    path: &'static [&'static str],
    /// As CloudFormation calls it.
    kind: &'static str,
}

const fn of(service: &'static str, path: &'static [&'static str], kind: &'static str) -> Parameter {
    Parameter {
        service,
        path,
        kind,
    }
}

/// The first that is there is the target, the others are related to it.
const PARAMETERS: &[Parameter] = &[
    of("s3", &["bucketName"], "AWS::S3::Bucket"),
    of("iam", &["instanceProfileName"], "AWS::IAM::InstanceProfile"),
    of("iam", &["userName"], "AWS::IAM::User"),
    of("iam", &["groupName"], "AWS::IAM::Group"),
    of("iam", &["roleName"], "AWS::IAM::Role"),
    of("iam", &["policyArn"], "AWS::IAM::Policy"),
    of("iam", &["policyName"], "AWS::IAM::Policy"),
    of("iam", &["accessKeyId"], "AWS::IAM::AccessKey"),
    of("sts", &["roleArn"], "AWS::IAM::Role"),
    of("rolesanywhere", &["name"], "AWS::RolesAnywhere::Resource"),
    of("ssm", &["name"], "AWS::SSM::Parameter"),
    of("ssm", &["names", "*"], "AWS::SSM::Parameter"),
    of("ssm", &["documentName"], "AWS::SSM::Document"),
    of("ssm", &["instanceIds", "*"], "AWS::EC2::Instance"),
    of("ssm", &["associationId"], "AWS::SSM::Association"),
    of("cloudtrail", &["trailName"], "AWS::CloudTrail::Trail"),
    of("cloudtrail", &["name"], "AWS::CloudTrail::Trail"),
    of(
        "secretsmanager",
        &["secretId"],
        "AWS::SecretsManager::Secret",
    ),
    of("secretsmanager", &["name"], "AWS::SecretsManager::Secret"),
    of("lambda", &["functionName"], "AWS::Lambda::Function"),
    of("kms", &["keyId"], "AWS::KMS::Key"),
    of("kms", &["aliasName"], "AWS::KMS::Alias"),
    of("rds", &["dBInstanceIdentifier"], "AWS::RDS::DBInstance"),
    of("rds", &["dBClusterIdentifier"], "AWS::RDS::DBCluster"),
    of(
        "rds",
        &["targetDBSnapshotIdentifier"],
        "AWS::RDS::DBSnapshot",
    ),
    of("rds", &["dBSnapshotIdentifier"], "AWS::RDS::DBSnapshot"),
    of(
        "rds",
        &["targetDBClusterSnapshotIdentifier"],
        "AWS::RDS::DBClusterSnapshot",
    ),
    of(
        "rds",
        &["dBClusterSnapshotIdentifier"],
        "AWS::RDS::DBClusterSnapshot",
    ),
    of("rds", &["dBSecurityGroupName"], "AWS::RDS::DBSecurityGroup"),
    of("rds", &["dbiResourceId"], "AWS::RDS::DBInstance"),
    of("rds", &["dbClusterResourceId"], "AWS::RDS::DBCluster"),
    of("rds", &["sourceArn"], "AWS::RDS::DBSnapshot"),
    of("logs", &["logGroupName"], "AWS::Logs::LogGroup"),
    of("logs", &["logStreamName"], "AWS::Logs::LogStream"),
    of("dynamodb", &["tableName"], "AWS::DynamoDB::Table"),
    of("sns", &["topicArn"], "AWS::SNS::Topic"),
    of("sqs", &["queueUrl"], "AWS::SQS::Queue"),
    of("eks", &["name"], "AWS::EKS::Cluster"),
    of("ecs", &["cluster"], "AWS::ECS::Cluster"),
    of("ecr", &["repositoryName"], "AWS::ECR::Repository"),
    of("codebuild", &["projectArn"], "AWS::CodeBuild::Project"),
    of("codebuild", &["name"], "AWS::CodeBuild::Project"),
    of(
        "bedrock",
        &["guardrailIdentifier"],
        "AWS::Bedrock::Guardrail",
    ),
    of("bedrock", &["modelId"], "AWS::Bedrock::Model"),
    of(
        "elasticloadbalancing",
        &["loadBalancerArn"],
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ),
    of(
        "cloudformation",
        &["stackName"],
        "AWS::CloudFormation::Stack",
    ),
    of(
        "ec2-instance-connect",
        &["instanceId"],
        "AWS::EC2::Instance",
    ),
    of("ec2", &["instanceId"], "AWS::EC2::Instance"),
    of(
        "ec2",
        &["instancesSet", "items", "*", "instanceId"],
        "AWS::EC2::Instance",
    ),
    of("ec2", &["imageId"], "AWS::EC2::Image"),
    of("ec2", &["snapshotId"], "AWS::EC2::Snapshot"),
    of("ec2", &["volumeId"], "AWS::EC2::Volume"),
    of("ec2", &["groupId"], "AWS::EC2::SecurityGroup"),
    of("ec2", &["groupName"], "AWS::EC2::SecurityGroup"),
    of("ec2", &["internetGatewayId"], "AWS::EC2::InternetGateway"),
    of(
        "ec2",
        &["DeleteNatGatewayRequest", "NatGatewayId"],
        "AWS::EC2::NatGateway",
    ),
    of("ec2", &["routeTableId"], "AWS::EC2::RouteTable"),
    of("ec2", &["subnetId"], "AWS::EC2::Subnet"),
    of("ec2", &["networkInterfaceId"], "AWS::EC2::NetworkInterface"),
    of("ec2", &["allocationId"], "AWS::EC2::EIP"),
    of("ec2", &["vpcId"], "AWS::EC2::VPC"),
    of("", &["instanceId"], "AWS::EC2::Instance"),
    of("", &["bucketName"], "AWS::S3::Bucket"),
    of("", &["roleName"], "AWS::IAM::Role"),
    of("", &["userName"], "AWS::IAM::User"),
    of("", &["resourceArn"], ""),
    of("", &["arn"], ""),
    of("", &["resourceId"], ""),
    of("", &["name"], ""),
];

/// As [`PARAMETERS`], of `responseElements`: what a call made has its id only there.
const ANSWERS: &[Parameter] = &[
    of(
        "ec2",
        &["instancesSet", "items", "*", "instanceId"],
        "AWS::EC2::Instance",
    ),
    of("ec2", &["vpc", "vpcId"], "AWS::EC2::VPC"),
    of("ec2", &["subnet", "subnetId"], "AWS::EC2::Subnet"),
    of(
        "ec2",
        &["routeTable", "routeTableId"],
        "AWS::EC2::RouteTable",
    ),
    of(
        "ec2",
        &["internetGateway", "internetGatewayId"],
        "AWS::EC2::InternetGateway",
    ),
    of(
        "ec2",
        &["CreateNatGatewayResponse", "natGateway", "natGatewayId"],
        "AWS::EC2::NatGateway",
    ),
    of(
        "ec2",
        &["networkInterface", "networkInterfaceId"],
        "AWS::EC2::NetworkInterface",
    ),
    of("ec2", &["allocationId"], "AWS::EC2::EIP"),
    of("ec2", &["imageId"], "AWS::EC2::Image"),
    of("ec2", &["groupId"], "AWS::EC2::SecurityGroup"),
];

/// The target first, then what is related to it; each once.
pub fn of_event(event: &Object<'_>, service: &str) -> Vec<Target> {
    let service = service.split('.').next().unwrap_or("");
    let mut targets = resources(event, service);
    if !targets.is_empty() {
        return targets;
    }
    let mut collect = |member: &str, table: &[Parameter], of_service: &str| {
        let Some(value) = event.get(member) else {
            return;
        };
        for parameter in table.iter().filter(|p| p.service == of_service) {
            visit(value, parameter.path, &mut |name| {
                add(&mut targets, named(name, parameter.kind, service))
            });
        }
    };
    collect("responseElements", ANSWERS, service);
    collect("requestParameters", PARAMETERS, service);
    if targets.is_empty() {
        let parameters = event.get("requestParameters");
        // Of the general ones the first says enough.
        for general in PARAMETERS.iter().filter(|p| p.service.is_empty()) {
            if let Some(value) = parameters {
                visit(value, general.path, &mut |name| {
                    add(&mut targets, named(name, general.kind, service))
                });
            }
            if !targets.is_empty() {
                break;
            }
        }
    }
    targets
}

fn resources(event: &Object<'_>, service: &str) -> Vec<Target> {
    let mut targets = Vec::new();
    for resource in event
        .get("resources")
        .and_then(Value::as_array)
        .unwrap_or_default()
    {
        let arn = ["ARN", "arn", "resourceName"]
            .iter()
            .find_map(|name| foreign::text(resource.get(name)));
        let kind = ["type", "resourceType"]
            .iter()
            .find_map(|name| foreign::text(resource.get(name)));
        if let Some(arn) = arn {
            add(&mut targets, named(arn, kind.unwrap_or(""), service));
        }
    }
    targets
}

/// By an ARN or by a name; an ARN's last part is the name, and the ARN the id.
fn named(text: &str, kind: &str, service: &str) -> Target {
    let kind = if kind.is_empty() { service } else { kind };
    let kind = (!kind.is_empty()).then(|| kind.into());
    if !text.starts_with("arn:") {
        return Target {
            kind,
            id: None,
            name: Some(text.into()),
        };
    }
    // arn:partition:service:region:account:resource
    let resource = text.splitn(6, ':').nth(5).unwrap_or(text);
    let name = match resource.split_once(['/', ':']) {
        // A bucket's objects keep their path; other resources begin with their type.
        Some((_, rest)) if !text.starts_with("arn:aws:s3:::") && !rest.is_empty() => rest,
        _ => resource,
    };
    Target {
        kind,
        id: Some(text.into()),
        name: (!name.is_empty()).then(|| name.into()),
    }
}

fn add(targets: &mut Vec<Target>, target: Target) {
    if !targets.contains(&target) {
        targets.push(target);
    }
}

fn visit(value: &Value<'_>, path: &[&str], found: &mut dyn FnMut(&str)) {
    match path.split_first() {
        None => {
            if let Some(text) = foreign::text(Some(value)) {
                found(text);
            }
        }
        Some((&"*", rest)) => {
            for element in value.as_array().unwrap_or_default() {
                visit(element, rest, found);
            }
        }
        Some((name, rest)) => {
            if let Some(member) = value.get(name) {
                visit(member, rest, found);
            }
        }
    }
}
