/** The shop's events through Segment's browser SDK as it is released: only its address is another. */
export async function createSdk({ gateway, writeKey }) {
  const calls = (globalThis.analytics = globalThis.analytics ?? []);
  calls._writeKey = writeKey;
  calls._cdn = gateway;
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/assets/segment-sdk.js";
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  await isLoaded();
  const pending = new Set();
  const send = (method, ...words) => {
    if (typeof globalThis.analytics[method] !== "function") {
      // The SDK takes what waits in the array as soon as it has its settings.
      globalThis.analytics.push([method, ...words]);
      return;
    }
    const call = Promise.resolve(globalThis.analytics[method](...words)).catch(() => {});
    pending.add(call);
    call.then(() => pending.delete(call));
  };
  const product = ({ id, name, price }) => ({ product_id: id, name, price: Number(price) });
  const order = ({ items, total, orderId }) => {
    return { order_id: orderId, total: Number(total), products: items.map(product) };
  };
  return {
    page: (name) => send("page", name),
    productViewed: (each) => send("track", "Product Viewed", product(each)),
    addedToCart: (each) => send("track", "Product Added", product(each)),
    checkoutStarted: (cart) => send("track", "Checkout Started", order(cart)),
    purchased: (cart) => send("track", "Order Completed", order(cart)),
    identify: (userId, traits) => send("identify", userId, traits),
    flush: async () => {
      const late = new Promise((resolve) => setTimeout(resolve, 5_000));
      await Promise.race([Promise.all(pending), late]);
    },
  };
}

/** The SDK fetches its settings from the gateway before it takes calls. */
async function isLoaded() {
  for (let tries = 0; tries < 100 && typeof globalThis.analytics.track !== "function"; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
