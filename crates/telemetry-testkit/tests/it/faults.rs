//! Each fault, and what counts as received under it.

use std::time::{Duration, Instant};

use telemetry_testkit::{Answer, Fault, Sink};

use crate::{LONG, TRACE, client, post, post_envelope, raw, transaction_envelope};

#[tokio::test]
async fn a_status_with_headers_so_many_times() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(503).times(2));
    sink.fault(Fault::status(429).header("Retry-After", "2").times(1));
    assert_eq!(post_envelope(&sink, transaction_envelope(1)).await, 503);
    assert_eq!(post_envelope(&sink, transaction_envelope(2)).await, 503);
    let limited = post(&sink, "/api/1/envelope/", &[], transaction_envelope(3)).await;
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "2");
    assert_eq!(post_envelope(&sink, transaction_envelope(4)).await, 200);

    let received = sink.received();
    let answers: Vec<Answer> = received.requests().iter().map(|r| r.answer).collect();
    let expected = [503, 503, 429, 200].map(Answer::Status);
    assert_eq!(answers, expected);
    // Only what was answered 2xx has been received; the rest was attempted.
    assert_eq!(received.transactions().len(), 1);
    assert_eq!(received.transactions()[0].event_id, format!("{:032x}", 4));
    assert!(received.requests()[0].envelope().is_some());
    assert!(received.problems().is_empty());
}

#[tokio::test]
async fn a_path_picks_what_is_hit() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(500).on_path("/v1/"));
    let json = [("content-type", "application/json")];
    assert_eq!(post(&sink, "/v1/traces", &json, "{}").await.status(), 500);
    assert_eq!(post_envelope(&sink, transaction_envelope(1)).await, 200);
    assert_eq!(post(&sink, "/v1/logs", &json, "{}").await.status(), 500);
    sink.clear_faults();
    assert_eq!(post(&sink, "/v1/logs", &json, "{}").await.status(), 200);
}

#[tokio::test]
async fn rate_limits_come_with_a_200() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::rate_limits("60:transaction;span:organization").times(1));
    let response = post(&sink, "/api/1/envelope/", &[], transaction_envelope(1)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["x-sentry-rate-limits"],
        "60:transaction;span:organization"
    );
    assert_eq!(sink.received().transactions().len(), 1);
}

#[tokio::test]
async fn a_2xx_fault_does_not_make_a_malformed_payload_sound() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(202));
    assert_eq!(post_envelope(&sink, transaction_envelope(1)).await, 202);
    assert_eq!(post_envelope(&sink, "nonsense").await, 400);
    let received = sink.received();
    assert_eq!(received.transactions().len(), 1);
    assert_eq!(received.problems().len(), 1);
}

#[tokio::test]
async fn a_delay_holds_the_answer_back_and_requests_overlap() {
    let sink = Sink::start().unwrap();
    let delay = Duration::from_millis(300);
    sink.fault(Fault::delay(delay));
    let start = Instant::now();
    let posts = (1..=5).map(|n| post_envelope(&sink, transaction_envelope(n)));
    let statuses = futures_util::future::join_all(posts).await;
    assert_eq!(statuses, [200; 5]);
    assert!(start.elapsed() >= delay);
    let received = sink.received();
    assert_eq!(received.transactions().len(), 5);
    assert!(received.max_in_flight() > 1, "{received}");
}

#[tokio::test]
async fn a_delayed_request_counts_only_when_it_is_answered() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(200).after(LONG * 10).times(1));
    let request = tokio::spawn(
        client()
            .post(format!("{}/api/1/envelope/", sink.url()))
            .body(transaction_envelope(1))
            .send(),
    );
    let seen = sink
        .wait_for_async(LONG, |r| {
            let request = r.requests().into_iter().next()?;
            Some((request.answer, request.envelope().is_some()))
        })
        .await
        .unwrap();
    let delay = Some(LONG * 10);
    assert_eq!(seen, (Answer::Pending { delay }, true));
    assert!(sink.received().transactions().is_empty());
    request.abort();
}

#[tokio::test]
async fn a_hanging_request_is_released_when_faults_are_cleared() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let hanging = tokio::spawn(
        client()
            .post(format!("{}/api/1/envelope/", sink.url()))
            .body(transaction_envelope(1))
            .send(),
    );
    sink.wait_for_async(LONG, |r| r.requests().first().map(|_| ()))
        .await
        .unwrap();
    let received = sink.received();
    assert_eq!(
        received.requests()[0].answer,
        Answer::Pending { delay: None }
    );
    assert!(received.transactions().is_empty());
    assert!(!hanging.is_finished());

    sink.clear_faults();
    let response = tokio::time::timeout(LONG, hanging).await.unwrap();
    assert_eq!(response.unwrap().unwrap().status(), 200);
    assert!(sink.received().transaction_of(TRACE).is_some());
    // The snapshot from before is as it was.
    assert!(received.transactions().is_empty());
}

#[test]
fn a_reset_is_a_reset() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::reset().times(1));
    let error = raw(&sink, &transaction_envelope(1)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let received = sink.received();
    assert_eq!(received.requests()[0].answer, Answer::Reset);
    assert!(received.transactions().is_empty());
    let answer = raw(&sink, &transaction_envelope(2)).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_close_in_the_middle_of_the_body() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::close_mid_body().times(1));
    let response = post(&sink, "/api/1/envelope/", &[], transaction_envelope(1)).await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    let received = sink.received();
    assert_eq!(received.requests()[0].answer, Answer::ClosedMidBody);
    assert!(received.transactions().is_empty());
    assert_eq!(post_envelope(&sink, transaction_envelope(2)).await, 200);

    // On the wire: the head and seven bytes of a hundred.
    sink.fault(Fault::close_mid_body().times(1));
    let answer = raw(&sink, "{}\n").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("content-length: 100\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"id\":\""), "{answer}");
}
