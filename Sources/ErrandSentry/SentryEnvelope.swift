// The frame that an event travels in: two lines of headers, then the event.

#if Web
import Errand
import ErrandContext

/// An envelope with one event. Source: https://develop.sentry.dev/sdk/data-model/envelopes/.
///
/// Servers take 20 MB at most; one event of at most 1 MB and its headers stay far below that.
struct SentryEnvelope {
    /// The request's body.
    let bytes: [UInt8]

    static let contentType = "application/x-sentry-envelope"

    /// Puts `event`, which is called `id`, into an envelope that says when it was sent. It names no DSN: the request's own header does.
    init(event: [UInt8], id: EventID, sentAt: Timestamp) {
        var header = JSONObject()
        header.add("event_id", id.description)
        header.add("sent_at", sentAt.description)
        var item = JSONObject()
        item.add("type", "event")
        item.add("content_type", "application/json")
        item.add("length", event.count)
        let newline = [UInt8(ascii: "\n")]
        bytes = header.bytes + newline + item.bytes + newline + event + newline
    }

    /// The event of a report, in its envelope.
    init(_ report: ErrorReport, id: EventID, options: SentryOptions, sentAt: Timestamp) {
        self.init(event: SentryEvent(report: report, id: id, options: options).bytes, id: id, sentAt: sentAt)
    }
}
#endif
