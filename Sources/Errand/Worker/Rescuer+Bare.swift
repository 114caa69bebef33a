// A rescuer by itself, without the worker around it: what a simulation drives.

import Logging

extension Rescuer {
    /// A rescuer that reports to nobody.
    package init(store: Store, configuration: Worker.Configuration, backoffs: [String: Backoff], clock: any ErrandClock) {
        self.init(
            store: store, configuration: configuration, backoffs: backoffs,
            reporting: Reporting(reporters: [], clock: clock, logger: configuration.logger),
            pump: LogPump(store: store.logs, doorbell: store.doorbell, clock: clock, logger: configuration.logger), clock: clock)
    }
}
