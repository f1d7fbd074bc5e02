/** The shop's events through sluice's own SDK: a type for each, and an outcome for each. */
import { createClient } from "/assets/sluice-sdk.js";

export async function createSdk({ gateway, writeKey }) {
  const client = createClient({ url: gateway, writeKey });
  const anonymousId = (localStorage.anonymousId ??= `web-${crypto.randomUUID()}`);
  const person = () =>
    localStorage.userId ? { anonymousId, userId: localStorage.userId } : { anonymousId };
  const track = (type, data) => {
    const messageId = crypto.randomUUID();
    const context = {
      library: { name: "sluice", version: "1" },
      page: { url: location.href, path: location.pathname },
    };
    const common = { messageId, timestamp: new Date().toISOString(), ...person(), context };
    return client.track(type, { ...common, ...data }, { id: messageId });
  };
  const item = ({ id, name, price }) => ({ productId: id, name, price });
  const order = ({ items, total }) => ({ items: items.map(item), currency: "EUR", total });
  return {
    page: (name) => track("page", { name, url: location.href, path: location.pathname }),
    productViewed: (product) => track("product_viewed", { item: item(product), currency: "EUR" }),
    addedToCart: (product) => track("add_to_cart", { item: item(product), currency: "EUR" }),
    checkoutStarted: (cart) => track("checkout_started", order(cart)),
    purchased: (cart) => track("purchase", { ...order(cart), orderId: cart.orderId }),
    identify: (userId, traits) => {
      localStorage.userId = userId;
      return track("identify", { traits });
    },
    /** True once all of it is stored; what is not stays in the browser and is sent later. */
    flush: () => client.flush(5_000),
  };
}
