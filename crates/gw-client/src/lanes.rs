//! Nodes by colour: those of the colour that a request asks for, else those without one, else any.
//!
//! A colour is a preference. It never makes a request fail that another node could serve.

use std::collections::HashMap;
use std::sync::Arc;

use gw_selector::{Node, Pick, Picked, Policy, Selector};
use http::HeaderValue;

/// The metadata key of a node's colour.
const COLOR: &str = "color";

/// A selector for each colour.
pub(crate) struct Lanes {
    colored: HashMap<Vec<u8>, Arc<dyn Selector>>,
    /// Over the nodes without a colour.
    plain: Arc<dyn Selector>,
}

impl Lanes {
    /// The lanes of these nodes; `None` if none has a colour, so that no request is looked at.
    pub(crate) fn build(nodes: &[Arc<Node>], policy: Policy) -> Option<Self> {
        let mut colors = HashMap::<&str, Vec<Arc<Node>>>::new();
        for node in nodes {
            let color = node.info.metadata.get(COLOR).map_or("", String::as_str);
            colors.entry(color).or_default().push(Arc::clone(node));
        }
        let selector = |nodes: Vec<Arc<Node>>| {
            let selector = policy.build();
            selector.apply(&nodes);
            selector
        };
        let plain = selector(colors.remove("").unwrap_or_default());
        if colors.is_empty() {
            return None;
        }
        let colored = colors.into_iter().map(|(color, nodes)| (color.into(), selector(nodes))).collect();
        Some(Self { colored, plain })
    }

    /// Picks a node of the colour, else one without; `None` if neither is eligible.
    pub(crate) fn select(&self, color: Option<&HeaderValue>, pick: &Pick<'_>) -> Option<Picked> {
        let lane = color.and_then(|color| self.colored.get(color.as_bytes()));
        lane.and_then(|lane| lane.select(pick)).or_else(|| self.plain.select(pick))
    }
}
