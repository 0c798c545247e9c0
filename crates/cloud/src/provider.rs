//! The trait that the simulated region and AWS both implement.

use std::collections::BTreeMap;

use crate::{
    CapacityReservation, FleetAnswer, FleetRequest, Image, Instance, InstanceProfile, InstanceProfileRequest,
    InstanceQuery, InstanceStatus, LaunchTemplate, LaunchTemplateRequest, PlacementGroup, QueueMessage,
    ReceiveRequest, Reply, SecurityGroup, Selector, SpotPrice, StateChange, Subnet, Tags, TypeOffering,
};

/// A region of EC2, with what of SSM, IAM and SQS is needed beside it.
///
/// Every method is one call of AWS, under AWS's name and with its meaning, paging and filters left out. What has several
/// selectors answers with everything that any of them matches, once, in order of ids.
pub trait CloudProvider: Send + Sync {
    /// The region: `us-east-1`.
    fn region(&self) -> &str;

    /// Launches instances at once. Errors of single offerings are in the answer; the call itself fails if it may not be
    /// made, comes too often, or names what does not exist.
    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer>;

    /// Makes a launch template.
    fn create_launch_template<'a>(&'a self, request: &'a LaunchTemplateRequest) -> Reply<'a, LaunchTemplate>;

    /// Launch templates that match.
    fn describe_launch_templates<'a>(&'a self, selectors: &'a [Selector]) -> Reply<'a, Vec<LaunchTemplate>>;

    /// Deletes a launch template.
    fn delete_launch_template<'a>(&'a self, name: &'a str) -> Reply<'a, ()>;

    /// Instances in order of their launch. If ids are named and one does not exist the whole call fails with
    /// `InvalidInstanceID.NotFound`.
    fn describe_instances<'a>(&'a self, query: &'a InstanceQuery) -> Reply<'a, Vec<Instance>>;

    /// Checks and plans of all instances that are running.
    fn describe_instance_status(&self) -> Reply<'_, Vec<InstanceStatus>>;

    /// Ends instances; those that have ended already stay as they are. Fails as a whole if one does not exist.
    fn terminate_instances<'a>(&'a self, ids: &'a [String]) -> Reply<'a, Vec<StateChange>>;

    /// Sets tags of instances.
    fn create_tags<'a>(&'a self, ids: &'a [String], tags: &'a Tags) -> Reply<'a, ()>;

    /// Machine images that match.
    fn describe_images<'a>(&'a self, selectors: &'a [Selector]) -> Reply<'a, Vec<Image>>;

    /// The value of a public parameter: the id of an image.
    fn get_parameter<'a>(&'a self, name: &'a str) -> Reply<'a, String>;

    /// Subnets that match, with their free addresses.
    fn describe_subnets<'a>(&'a self, selectors: &'a [Selector]) -> Reply<'a, Vec<Subnet>>;

    /// Security groups that match.
    fn describe_security_groups<'a>(&'a self, selectors: &'a [Selector]) -> Reply<'a, Vec<SecurityGroup>>;

    /// Capacity reservations that match, ended ones left out.
    fn describe_capacity_reservations<'a>(
        &'a self,
        selectors: &'a [Selector],
    ) -> Reply<'a, Vec<CapacityReservation>>;

    /// Placement groups that match.
    fn describe_placement_groups<'a>(&'a self, selectors: &'a [Selector]) -> Reply<'a, Vec<PlacementGroup>>;

    /// Which types are sold in which zone.
    fn describe_instance_type_offerings(&self) -> Reply<'_, Vec<TypeOffering>>;

    /// The spot prices of now, for all types and zones that have one.
    fn describe_spot_prices(&self) -> Reply<'_, Vec<SpotPrice>>;

    /// Makes an instance profile with a role in it.
    fn create_instance_profile<'a>(
        &'a self,
        request: &'a InstanceProfileRequest,
    ) -> Reply<'a, InstanceProfile>;

    /// An instance profile.
    fn get_instance_profile<'a>(&'a self, name: &'a str) -> Reply<'a, InstanceProfile>;

    /// Instance profiles whose path begins so.
    fn list_instance_profiles<'a>(&'a self, path_prefix: &'a str) -> Reply<'a, Vec<InstanceProfile>>;

    /// Deletes an instance profile with the role in it.
    fn delete_instance_profile<'a>(&'a self, name: &'a str) -> Reply<'a, ()>;

    /// The weights that ARC gives to the zones of an EKS cluster, by zone id: zero for one that it is shifted away from.
    fn get_managed_resource<'a>(&'a self, cluster: &'a str) -> Reply<'a, BTreeMap<String, f64>>;

    /// Takes messages from the interruption queue. Each comes at least once, in no certain order.
    fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>>;

    /// Removes a message that has been dealt with.
    fn delete_message<'a>(&'a self, receipt: &'a str) -> Reply<'a, ()>;
}

/// Hands the calls of [`CloudProvider`](crate::CloudProvider) to a macro, to write a provider around another one.
///
/// Each comes as `name(argument: kind, …) -> answer;`. Left out are the two that such a provider likes to write itself:
/// `create_fleet` and `receive_messages`.
#[macro_export]
macro_rules! with_calls {
    ($then:ident) => {
        $crate::with_calls_beside_instances! {
            $then:
            describe_instances(query: &'a $crate::InstanceQuery) -> Vec<$crate::Instance>;
            describe_instance_status() -> Vec<$crate::InstanceStatus>;
            terminate_instances(ids: &'a [String]) -> Vec<$crate::StateChange>;
        }
    };
}

/// The same, for a provider that has its own instances: without the calls that list, watch and end them.
#[macro_export]
macro_rules! with_calls_beside_instances {
    ($then:ident $(: $($more:tt)+)?) => {
        $then! {
            create_launch_template(request: &'a $crate::LaunchTemplateRequest) -> $crate::LaunchTemplate;
            describe_launch_templates(selectors: &'a [$crate::Selector]) -> Vec<$crate::LaunchTemplate>;
            delete_launch_template(name: &'a str) -> ();
            create_tags(ids: &'a [String], tags: &'a $crate::Tags) -> ();
            describe_images(selectors: &'a [$crate::Selector]) -> Vec<$crate::Image>;
            get_parameter(name: &'a str) -> String;
            describe_subnets(selectors: &'a [$crate::Selector]) -> Vec<$crate::Subnet>;
            describe_security_groups(selectors: &'a [$crate::Selector]) -> Vec<$crate::SecurityGroup>;
            describe_capacity_reservations(selectors: &'a [$crate::Selector]) -> Vec<$crate::CapacityReservation>;
            describe_placement_groups(selectors: &'a [$crate::Selector]) -> Vec<$crate::PlacementGroup>;
            describe_instance_type_offerings() -> Vec<$crate::TypeOffering>;
            describe_spot_prices() -> Vec<$crate::SpotPrice>;
            create_instance_profile(request: &'a $crate::InstanceProfileRequest) -> $crate::InstanceProfile;
            get_instance_profile(name: &'a str) -> $crate::InstanceProfile;
            list_instance_profiles(path_prefix: &'a str) -> Vec<$crate::InstanceProfile>;
            delete_instance_profile(name: &'a str) -> ();
            get_managed_resource(cluster: &'a str) -> std::collections::BTreeMap<String, f64>;
            delete_message(receipt: &'a str) -> ();
            $($($more)+)?
        }
    };
}

/// A provider behind a pointer is a provider.
macro_rules! forwarded {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl<P: CloudProvider + ?Sized> CloudProvider for std::sync::Arc<P> {
            fn region(&self) -> &str {
                (**self).region()
            }

            fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
                (**self).create_fleet(request)
            }

            fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>> {
                (**self).receive_messages(request)
            }

            $(fn $name<'a>(&'a self, $($argument: $kind),*) -> Reply<'a, $answer> {
                (**self).$name($($argument),*)
            })+
        }
    };
}

with_calls!(forwarded);
