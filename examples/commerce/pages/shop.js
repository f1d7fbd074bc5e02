/** The customer's page: orders, news over the live feed, and a look into the services' books. */
import { byId, text } from "/assets/page.js";

const getJson = async (path, options) => (await fetch(path, options)).json();
const me = (sessionStorage.customer ??= `you-${crypto.randomUUID().slice(0, 8)}`);
byId("me").textContent = me;

const NEWS = {
  order_placed: "We have your order",
  order_paid: "Paid: it is on its way",
  order_payment_failed:
    "Your card has no money; the order is cancelled, the goods are back on the shelf",
  order_out_of_stock: "There are not so many left; the order is cancelled",
};
const STATUS = {
  PLACED: "placed",
  PAID: "paid",
  PAYMENT_FAILED: "card refused",
  OUT_OF_STOCK: "sold out",
};
const heard = new Set();
let token = "now";

/** News come as events keyed by the customer; one that comes again has the same id. */
async function listen() {
  let socket;
  try {
    const { url } = await getJson("/api/ticket");
    socket = new WebSocket(url, ["sluice.live.v1.json"]);
  } catch {
    setTimeout(listen, 500);
    return;
  }
  socket.onopen = () => {
    const from = token === "now" ? "now" : { token };
    socket.send(
      JSON.stringify({ t: "subscribe", types: ["NotificationRequested"], keys: [me], from }),
    );
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.token) token = frame.token;
    if (frame.t === "subscribed") {
      byId("live").textContent = "live";
      byId("live").classList.add("on");
    }
    if (frame.t === "event" && !heard.has(frame.id)) show(frame);
  };
  socket.onclose = () => {
    byId("live").textContent = "connecting";
    byId("live").classList.remove("on");
    setTimeout(listen, 500);
  };
}

function show({ id, value }) {
  if (heard.size === 0) byId("news").replaceChildren();
  heard.add(id);
  const { template, parameters } = value.data;
  const item = document.createElement("li");
  item.className = template;
  item.innerHTML = `<b>${NEWS[template] ?? text(template)}</b><br><span class="soft">${text(parameters.what)}, € ${text(parameters.total)}</span>`;
  byId("news").prepend(item);
}

async function refresh() {
  try {
    const { stock, orders, latest, outbox, stored } = await getJson("/api/state");
    const count = (status) =>
      orders.filter((row) => row.status === status).reduce((sum, row) => sum + row.count, 0);
    const figures = [
      ["PAID", "paid"],
      ["CANCELLED", "cancelled"],
      ["PLACED", "under way"],
    ];
    byId("figures").innerHTML =
      `${figures.map(([status, name]) => `<div class="${status}"><b>${count(status)}</b>${name}</div>`).join("")}
      <div><b>${outbox.said}</b><span class="soft">events said</span></div><div><b>${stored.events}</b><span class="soft">rows in PostgreSQL</span></div>`;
    byId("stock").innerHTML = stock
      .map(
        ({ name, first, quantity }) =>
          `<tr><td>${text(name)}</td><td><div class="shelf"><i style="width:${(100 * quantity) / first}%"></i></div></td><td class="number">${quantity} of ${first}</td></tr>`,
      )
      .join("");
    byId("orders").innerHTML = latest
      .map(
        (row) =>
          `<tr><td>${text(row.customer_id)}</td><td>${row.quantity} × ${text(row.name)}</td><td class="number">€ ${row.total}</td><td class="${row.status}">${STATUS[row.reason ?? row.status] ?? text(row.status)}</td></tr>`,
      )
      .join("");
    if (byId("sku").options.length === 0) {
      byId("sku").innerHTML = stock
        .map(({ sku, name, price }) => `<option value="${sku}">${text(name)}, € ${price}</option>`)
        .join("");
    }
  } catch {
    // The next try follows.
  }
  setTimeout(refresh, 700);
}

byId("order").onclick = async () => {
  const wish = {
    customerId: me,
    sku: byId("sku").value,
    quantity: Number(byId("quantity").value),
    card: byId("card").value,
  };
  await getJson("/api/orders", { method: "POST", body: JSON.stringify(wish) });
};

byId("audit").onclick = async () => {
  byId("verdict").textContent = "replaying …";
  const { records, repeated, differences } = await getJson("/api/audit");
  const books =
    differences.length === 0
      ? "The books agree."
      : `They differ: ${differences.map(text).join("; ")}.`;
  byId("verdict").innerHTML =
    `<b class="${differences.length === 0 ? "PAID" : "CANCELLED"}">${books}</b> ${records} records replayed, ${repeated} of them twice there and counted once.`;
};

void listen();
await refresh();
