import { useMutation } from '@tanstack/react-query'
import { Check } from 'lucide-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { queryClient } from '~/api/queries'
import type { SecondFactorOffer } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { RecoveryCodes } from '~/components/recovery-codes'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { QrCode } from '~/ui/qr-code'
import { cx } from '~/util/cx'
import { spelled } from '~/util/second-factor'
import { CodeField } from './code-field'
import { OwnPassword } from './own-password'

const t = texts('second_factor')

const STEPS = ['password', 'app', 'codes'] as const

interface Props {
  account: string
  /** Alone on its page. */
  wide?: boolean
  /** Beside the button of the first two steps. */
  cancel?: ReactNode
  /** Why the codes can't be left yet, after an attempt to. */
  hint?: string | undefined
  /** It counts from now on; what is left is to keep the codes. */
  onCounts?: () => void
  onDone: () => void
}

/** Sets up an authenticator app: the password, the secret and its first code, the recovery codes. */
export function SecondFactorBegin({ account, wide = false, cancel, hint, onCounts, onDone }: Props) {
  const [offer, setOffer] = useState<SecondFactorOffer>()
  const [codes, setCodes] = useState<string[]>()
  return (
    <>
      <Progress at={codes ? 2 : offer ? 1 : 0} />
      {codes ? (
        <RecoveryCodes {...{ codes, account, wide, hint, onDone }} />
      ) : offer ? (
        <FirstCode
          {...{ offer, wide, cancel }}
          onOn={(made) => {
            setCodes(made)
            onCounts?.()
            // Roles that waited for it count now: whatever was read may have become more.
            void queryClient.invalidateQueries()
          }}
        />
      ) : (
        <Password {...{ wide, cancel }} onOffer={setOffer} />
      )}
    </>
  )
}

function Progress({ at }: { at: number }) {
  return (
    <ol aria-label={t('steps')} className="mb-5 flex flex-wrap gap-x-5 gap-y-2">
      {STEPS.map((step, n) => (
        <li
          key={step}
          aria-current={n === at ? 'step' : undefined}
          className={cx('flex items-center gap-2', n === at ? 'font-medium text-t1' : 'text-t3')}
        >
          <span
            className={cx(
              'num inline-flex size-5 shrink-0 items-center justify-center rounded-pill border text-12 leading-none',
              n < at
                ? 'border-run-line bg-run-tint text-run-fg'
                : n === at
                  ? 'border-accent-line text-accent'
                  : 'border-line-2',
            )}
          >
            {n < at ? <Check aria-hidden="true" size={12} strokeWidth={2.25} /> : n + 1}
          </span>
          {t(`step.${step}`)}
          {n < at && <span className="sr-only">{t('step.done')}</span>}
        </li>
      ))}
    </ol>
  )
}

function Foot({
  wide,
  cancel,
  busy,
  off = false,
  children,
}: {
  wide: boolean
  cancel: ReactNode
  busy: boolean
  off?: string | false
  children: string
}) {
  return (
    <div className="flex flex-wrap items-center justify-end gap-2">
      {cancel}
      <Button
        type="submit"
        look="primary"
        size={wide ? 'lg' : 'md'}
        busy={busy}
        off={off}
        className={wide ? 'w-full' : ''}
      >
        {children}
      </Button>
    </div>
  )
}

function Password({
  wide,
  cancel,
  onOffer,
}: {
  wide: boolean
  cancel: ReactNode
  onOffer: (offer: SecondFactorOffer) => void
}) {
  const [password, setPassword] = useState('')
  const begin = useMutation({
    mutationFn: () => must(api.POST('/account/second-factor', { body: { current_password: password } })),
    onSuccess: onOffer,
  })
  const problem = begin.error ? asProblem(begin.error) : undefined
  const wrong = problem && (problem.fields.current_password ?? attemptsText(problem))
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!begin.isPending) begin.mutate()
      }}
    >
      <OwnPassword value={password} autoFocus help={t('begin.why')} onChange={setPassword} error={wrong} />
      {problem && !wrong && <FormProblem error={problem} />}
      <Foot {...{ wide, cancel }} busy={begin.isPending}>
        {t('begin.go_on')}
      </Foot>
    </form>
  )
}

function FirstCode({
  offer,
  wide,
  cancel,
  onOn,
}: {
  offer: SecondFactorOffer
  wide: boolean
  cancel: ReactNode
  onOn: (codes: string[]) => void
}) {
  const [code, setCode] = useState('')
  const confirm = useMutation({
    mutationFn: () => must(api.PUT('/account/second-factor', { body: { code } })),
    onSuccess: ({ codes }) => onOn(codes),
    onError: (error) => asProblem(error).fields.code && setCode(''),
  })
  const problem = confirm.error ? asProblem(confirm.error) : undefined
  const wrong = problem && (problem.fields.code ?? attemptsText(problem))
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (code.length === 6 && !confirm.isPending) confirm.mutate()
      }}
    >
      <div className={cx('flex gap-4', wide ? 'flex-col' : 'max-sm:flex-col')}>
        <QrCode text={offer.uri} label={t('app.qr')} />
        <div className="min-w-0 flex-1">
          <p className="text-t2">{t('app.scan')}</p>
          <div className="mt-3 mb-1 text-12 text-t3">{t('app.type')}</div>
          <div className="flex items-start gap-1">
            <code role="group" aria-label={t('app.secret')} className="mono min-w-0 text-12 leading-6">
              {spelled(offer.secret)}
            </code>
            <CopyIcon text={offer.secret} label={t('app.copy_secret')} />
          </div>
        </div>
      </div>
      <CodeField value={code} autoFocus help={t('app.code')} error={wrong} onChange={setCode} />
      {problem && !wrong && <FormProblem error={problem} />}
      <Foot
        {...{ wide, cancel }}
        busy={confirm.isPending}
        off={code.length === 6 ? false : t('app.six_digits')}
      >
        {t('app.turn_on')}
      </Foot>
    </form>
  )
}
