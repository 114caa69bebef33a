// Calls that take a callback, each by its own name with Bound behind it.

// snippet.show
import Dispatch
import ErrandContextFoundation
import Foundation

// snippet.hide

enum BoundTwins {
    static func wait(
        on queue: DispatchQueue, center: NotificationCenter, changed: Notification.Name, log: @escaping @Sendable (String) -> Void
    ) -> any NSObjectProtocol {
        // snippet.show
        queue.asyncBound { log("on a queue") }
        queue.asyncAfterBound(deadline: .now() + .milliseconds(1)) { log("later") }
        Task.detachedBound { log("detached") }
        let token = center.addObserverBound(forName: changed, object: nil, queue: nil) { _ in log("notified") }
        // snippet.hide
        return token
    }
}
