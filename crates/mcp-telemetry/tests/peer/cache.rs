//! rmcp's cache of responses goes on working. It does not tell what came from it.

use mcp_telemetry::PeerExt as _;
use rmcp::model::{PaginatedRequestParams, ReadResourceRequestParams};

use crate::NO_PII;
use crate::common::{Rig, op};
use crate::host::Pair;

#[tokio::test]
async fn the_trace_context_is_no_part_of_the_caches_key() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let client = pair.client.traced();
    for _ in 0..3 {
        assert_eq!(client.list_tools(None).await.unwrap().tools.len(), 1);
    }
    assert_eq!(pair.wire.all("tools/list").len(), 1);
    let later = PaginatedRequestParams::default().with_cursor(Some("2".into()));
    client.list_tools(Some(later)).await.unwrap();
    assert_eq!(pair.wire.all("tools/list").len(), 2);
    // What may not be kept is asked for each time.
    for _ in 0..2 {
        let read = ReadResourceRequestParams::new("splunk://a");
        client.read_resource(read).await.unwrap();
    }
    assert_eq!(pair.wire.all("resources/read").len(), 2);

    let spans = rig.spans();
    let of = |wanted: &str| {
        let lists = spans.all("tools/list");
        lists.filter(|span| op(span) == wanted).count()
    };
    assert_eq!((of("mcp.client"), of("mcp.server")), (4, 2));
}
