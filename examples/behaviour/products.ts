/** What the shop sells. */

export interface Product {
  readonly id: string;
  readonly name: string;
  /** In euros, as a decimal text: money is no floating point number. */
  readonly price: string;
  readonly note: string;
  /** Two letters that stand for a picture. */
  readonly sign: string;
}

export const PRODUCTS: readonly [Product, ...Product[]] = [
  {
    id: "p-1",
    name: "Sencha, first flush",
    price: "18.50",
    note: "Green, steamed, from Uji",
    sign: "Se",
  },
  {
    id: "p-2",
    name: "Cast-iron pot",
    price: "64.00",
    note: "Holds 0.8 litres and its heat",
    sign: "Po",
  },
  { id: "p-3", name: "Two cups", price: "22.00", note: "Stoneware, glazed inside", sign: "Cu" },
  { id: "p-4", name: "Bamboo whisk", price: "15.90", note: "Eighty tines, for matcha", sign: "Wh" },
  {
    id: "p-5",
    name: "Oolong, roasted",
    price: "24.00",
    note: "Dark, from high mountains",
    sign: "Oo",
  },
  { id: "p-6", name: "Water kettle", price: "49.90", note: "Steel, with a gooseneck", sign: "Ke" },
];
