import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import {
  confirmRequest,
  devicePath,
  deviceRequest,
  devicesAnswer,
  nothing,
  phoneAnswer,
  phoneAskedAnswer,
  phoneRequest,
  statusQuery,
} from './wire.ts'

const told = { 400: errorAnswer, 413: errorAnswer, 415: errorAnswer, ...failures } as const
const fromTwilio = {
  400: errorAnswer,
  403: errorAnswer,
  409: errorAnswer,
  413: errorAnswer,
  415: errorAnswer,
  429: errorAnswer,
  500: errorAnswer,
  503: errorAnswer,
  504: errorAnswer,
} as const

export const messagesRoutes = {
  putDevice: {
    method: 'PUT',
    path: '/messages/devices/{id}',
    summary: 'Registers where a device gets push messages, in place of what was registered for it before',
    authenticated: true,
    params: devicePath,
    body: deviceRequest,
    answers: { 200: nothing, ...told },
  },
  devices: {
    method: 'GET',
    path: '/messages/devices',
    summary: 'The devices that get push messages',
    authenticated: true,
    answers: { 200: devicesAnswer, ...failures },
  },
  deleteDevice: {
    method: 'DELETE',
    path: '/messages/devices/{id}',
    summary: 'Ends push messages to a device',
    authenticated: true,
    params: devicePath,
    answers: { 200: nothing, 400: errorAnswer, ...failures },
  },
  putPhone: {
    method: 'PUT',
    path: '/messages/phone',
    summary: 'Sends a code to a number; once it is confirmed, SMS go there',
    authenticated: true,
    body: phoneRequest,
    answers: { 200: phoneAskedAnswer, ...told },
  },
  confirmPhone: {
    method: 'POST',
    path: '/messages/phone/confirm',
    summary: 'Confirms the number that the code was sent to',
    authenticated: true,
    body: confirmRequest,
    answers: { 200: phoneAnswer, 403: errorAnswer, ...told },
  },
  phone: {
    method: 'GET',
    path: '/messages/phone',
    summary: 'Whether there is a confirmed number',
    authenticated: true,
    answers: { 200: phoneAnswer, ...failures },
  },
  deletePhone: {
    method: 'DELETE',
    path: '/messages/phone',
    summary: 'Forgets the number',
    authenticated: true,
    answers: { 200: nothing, ...failures },
  },
  status: {
    method: 'POST',
    path: '/messages/twilio/status',
    summary: 'For Twilio: what became of an SMS. A form, signed by X-Twilio-Signature',
    authenticated: false,
    query: statusQuery,
    answers: { 200: nothing, 404: errorAnswer, ...fromTwilio },
  },
  inbound: {
    method: 'POST',
    path: '/messages/twilio/inbound',
    summary: 'For Twilio: an SMS that came in; STOP ends messages to its number. A form, signed by X-Twilio-Signature',
    authenticated: false,
    answers: { 200: 'text/xml', ...fromTwilio },
  },
} as const satisfies Record<string, RouteDescription>
