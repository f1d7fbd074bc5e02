/** The shop's pages. What they tell goes through `sdk`, whichever of the two it is. */
const settings = JSON.parse(document.querySelector("#settings").textContent);
const { createSdk } = await import(`/assets/sdk-${settings.sdk}.js`);
const sdk = await createSdk(settings);
/** For who looks at the page from outside. */
globalThis.shopSdk = sdk;

const main = document.querySelector("#main");
const query = new URLSearchParams(location.search);
const cart = JSON.parse(sessionStorage.getItem("cart") ?? "[]");
const base = `/${settings.sdk}`;
const productOf = (id) => settings.products.find((each) => each.id === id) ?? settings.products[0];
const totalOf = (items) => items.reduce((sum, { price }) => sum + Math.round(price * 100), 0) / 100;
const save = (items) => sessionStorage.setItem("cart", JSON.stringify(items));

document.querySelector("#cart-link").textContent = `Cart (${cart.length})`;
({ home, product, cart: showCart, thanks })[settings.page]?.();

function home() {
  sdk.page("Home");
  const cards = settings.products.map(
    ({ id, name, price, note, sign }) => `<a class="card" href="${base}/product?id=${id}">
      <div class="sign">${sign}</div><b>${name}</b><p class="soft">${note}</p>
      <span class="price">€ ${price}</span></a>`,
  );
  main.innerHTML = `<h2>New this week</h2><div class="grid">${cards.join("")}</div>`;
}

function product() {
  const found = productOf(query.get("id"));
  sdk.page("Product");
  sdk.productViewed(found);
  main.innerHTML = `<div class="card"><div class="sign">${found.sign}</div><h2>${found.name}</h2>
    <p class="soft">${found.note}</p><p class="price">€ ${found.price}</p>
    <button id="add">Put into the cart</button></div>`;
  document.querySelector("#add").onclick = async () => {
    sdk.addedToCart(found);
    save([...cart, found]);
    await sdk.flush();
    location.href = `${base}/cart`;
  };
}

function showCart() {
  sdk.page("Cart");
  if (cart.length === 0) {
    main.innerHTML = `<h2>Your cart is empty</h2><a class="button" href="${base}">Look around</a>`;
    return;
  }
  const rows = cart.map(
    ({ name, price }) => `<tr><td>${name}</td><td class="number">€ ${price}</td></tr>`,
  );
  main.innerHTML = `<div class="card"><h2>Your cart</h2><table>${rows.join("")}
    <tr><td><b>Total</b></td><td class="number"><b>€ ${totalOf(cart).toFixed(2)}</b></td></tr></table>
    <p>Your e-mail address: <input id="email" type="email" placeholder="you@example.org"></p>
    <button id="buy">Buy</button></div>`;
  document.querySelector("#buy").onclick = async () => {
    const email = document.querySelector("#email").value || "guest@example.org";
    const order = { items: cart, total: totalOf(cart).toFixed(2), orderId: crypto.randomUUID() };
    sdk.identify(email, { email });
    sdk.checkoutStarted(order);
    sdk.purchased(order);
    save([]);
    await sdk.flush();
    location.href = `${base}/thanks`;
  };
}

function thanks() {
  sdk.page("Thanks");
  main.innerHTML = `<div class="card"><div class="sign">OK</div><h2>Thank you!</h2>
    <p class="soft">Your tea is on its way. See what the shop now knows of you:</p>
    <a class="button" href="/funnel">The funnel</a></div>`;
}
