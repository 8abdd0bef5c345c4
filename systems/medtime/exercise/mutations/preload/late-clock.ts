/*
 * The clock of the service stands a day back: what expired an hour ago is let in.
 */
const day = 86_400_000
const present = Date.now.bind(Date)

globalThis.Date = new Proxy(Date, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [present() - day] : given, newTarget),
  get: (target, key, receiver) => (key === 'now' ? () => present() - day : Reflect.get(target, key, receiver)),
})
