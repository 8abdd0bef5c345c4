import type { Silence } from './silence.ts'

/** Of the alerts whose names begin with `err`, but for those of one route, from 10 ms up to 20 ms. */
export const silence: Silence = {
  id: 's',
  matchers: [
    { label: 'alert', op: '=~', value: 'err.*' },
    { label: 'route', op: '!=', value: '/cart' },
  ],
  fromMs: 10,
  untilMs: 20,
  by: 'on call',
  why: 'known',
}
