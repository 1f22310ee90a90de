import { useState } from 'react'
import { api, must } from '~/api/client'
import type { Problem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy-box'
import { DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { addressesIn, refusedIn } from '~/util/addresses'
import { count } from '~/util/format'
import { MOST_PER_MINUTE, rateOf } from '~/util/rate'
import { AddressListField } from './address-list'
import { type KeyScope, KeyScopeField } from './api-key-scope'
import { CredentialDialog, type Wish } from './credential-create'

const form = texts('form_parts')

const t = texts('api_key')

const DAY_S = 86_400
const lives = (): Array<[seconds: number, word: string]> => [
  [30 * DAY_S, t('life.days', { n: 30 })],
  [90 * DAY_S, t('life.days', { n: 90 })],
  [365 * DAY_S, t('life.year')],
  [0, t('life.always')],
]

interface Narrow {
  scope: KeyScope
  addresses: string
  /** Requests a minute, as typed; empty for as many as any. */
  rate: string
}
const WIDE: Narrow = { scope: { kind: 'all', chosen: new Set() }, addresses: '', rate: '' }

async function makeKey({ name, lifeS }: Wish, { scope, addresses, rate }: Narrow): Promise<string> {
  const typed = addressesIn(addresses).map(({ text }) => text)
  const perMinute = rateOf(rate)
  const { secret } = await must(
    api.POST('/account/api-keys', {
      body: {
        name,
        ...(lifeS > 0 ? { expires_at: new Date(Date.now() + lifeS * 1000).toISOString() } : {}),
        ...(scope.kind === 'some' ? { keys: [...scope.chosen] } : {}),
        ...(typed.length > 0 ? { addresses: typed } : {}),
        ...(typeof perMinute === 'number' ? { requests_per_minute: perMinute } : {}),
      },
    }),
  )
  void queryClient.invalidateQueries({ queryKey: keys.apiKeys })
  return secret
}

/** Makes an API key: what it may do, from where, how often and until when. */
export function ApiKeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [narrow, setNarrow] = useState(WIDE)
  const [sent, setSent] = useState('')
  const { scope, rate } = narrow
  const change = (part: Partial<Narrow>) => setNarrow((before) => ({ ...before, ...part }))
  const off =
    scope.kind === 'some' && scope.chosen.size === 0
      ? t('no_permission')
      : rateOf(rate) === 'wrong' && t('rate.off', { most: count(MOST_PER_MINUTE) })
  return (
    <CredentialDialog
      open={open}
      onClose={() => {
        setNarrow(WIDE)
        onClose()
      }}
      width="lg"
      title={t('make.title')}
      madeTitle={() => t('make.made')}
      madeNote={t('make.once')}
      help={t('make.name_help')}
      verb={t('make.submit')}
      lives={lives()}
      firstLifeS={90 * DAY_S}
      off={off}
      make={(wish) => {
        setSent(narrow.addresses)
        return makeKey(wish, narrow)
      }}
      shows={(field) => /^(addresses(\.\d+)?|requests_per_minute)$/.test(field)}
      show={(secret, close) => <KeyMade secret={secret} onClose={close} />}
    >
      {(problem) => (
        <>
          <LimitFields {...{ narrow, sent, problem, change }} />
          {/* Last, for the table of permissions is long. */}
          <KeyScopeField scope={scope} onChange={(next) => change({ scope: next })} />
        </>
      )}
    </CredentialDialog>
  )
}

function LimitFields({
  narrow: { addresses, rate },
  sent,
  problem,
  change,
}: {
  narrow: Narrow
  /** The addresses that the problem is about: what was typed since is another matter. */
  sent: string
  problem: Problem | undefined
  change: (part: Partial<Narrow>) => void
}) {
  const fields = sent === addresses ? (problem?.fields ?? {}) : {}
  const wrong =
    rateOf(rate) === 'wrong'
      ? t('rate.wrong', { most: count(MOST_PER_MINUTE) })
      : problem?.fields.requests_per_minute
  return (
    <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
      <AddressListField
        text={addresses}
        refused={refusedIn(addresses, fields)}
        error={fields.addresses}
        onChange={(next) => change({ addresses: next })}
      />
      <Field
        label={t('rate.label')}
        note={form('optional')}
        help={t('rate.help', { most: count(MOST_PER_MINUTE) })}
        error={wrong}
      >
        {(ids) => (
          <Input
            {...ids}
            inputMode="numeric"
            autoComplete="off"
            maxLength={8}
            value={rate}
            onChange={(event) => change({ rate: event.target.value })}
          />
        )}
      </Field>
    </div>
  )
}

function KeyMade({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <>
      <CommandBox text={secret} primary />
      <p className="mt-2 text-12 text-t3">
        {t.rich('make.send_as', { code: (inner) => <span className="mono">{inner}</span> })}
      </p>
      <DialogFoot>
        <Button onClick={onClose}>{t('make.have_it')}</Button>
      </DialogFoot>
    </>
  )
}
