// A job in steps.

import Errand

struct Order: Job {
    static let kind = "order"
    var id: Int
}

/// Systems outside of Errand.
protocol Shop: Sendable {
    func charge(_ order: Order) async throws -> String
    func ship(_ order: Order, paidBy payment: String) async throws -> String
    func mail(_ text: String) async throws
}

enum OrderInSteps {
    static func handler(_ shop: any Shop) -> Handler {
        // snippet.show
        let handler = Handler(Order.self) { order, context in
            let payment = try await context.step("charge") { try await shop.charge(order) }
            let parcel = try await context.step("ship") { try await shop.ship(order, paidBy: payment) }
            try await context.step("mail") { try await shop.mail("parcel \(parcel) is on its way") }
        }
        // snippet.hide
        return handler
    }
}
