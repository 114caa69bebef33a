// A service with a mailbox: each request is handled as the job that sent it.

import Errand
import Logging

enum CarriedStream {
    static let logger = Logger(label: "mailer")

    // snippet.show
    static let (requests, mailbox) = AsyncStream<Carried<String>>.makeStream()

    /// In a job.
    static func send(_ mail: String) { mailbox.yieldBound(mail) }

    /// In the service, once.
    static func serve() async {
        await requests.forEachBound { mail in logger.info("sending \(mail)") }
    }
    // snippet.hide
}
