import { useNavigate } from '@tanstack/react-router'
import { Check, Timer } from 'lucide-react'
import { type FormEvent, type ReactNode, useRef, useState } from 'react'
import { api, isProblem, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { NewJoinToken, Node } from '~/api/types'
import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy-box'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { Spinner } from '~/ui/spinner'
import { cx } from '~/util/cx'
import { bytesText, clock, duration } from '~/util/format'
import { portRange } from '~/util/ports'
import { takeBackOff } from '~/util/state'
import { visible } from '~/util/visible'
import { useArrival } from './arrival'
import { FormProblem } from './problem-view'

const t = texts('join')
const common = texts('common')

/** Makes a token, shows the one line to run, waits, and turns green when the machine arrives. */
export function JoinDialog({
  open,
  onClose,
  node,
}: {
  open: boolean
  onClose: () => void
  /** The node that the machine becomes; without one it becomes a new node. */
  node?: Node
}) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      width="md"
      title={node ? t('title_back', { name: node.name }) : t('title')}
      note={t(node ? 'note_back' : 'note')}
    >
      {open && <JoinBody onClose={onClose} node={node} />}
    </Dialog>
  )
}

const HOUR_S = 3600
/** In hours. */
const LIVES = [1, 24, 7 * 24, 30 * 24]

function lifeText(hours: number): string {
  return hours < 24 ? t('life.hours', { n: hours }) : t('life.days', { n: hours / 24 })
}

function labelsOf(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  for (const part of text.split(/[,\s]+/).filter(Boolean)) {
    const [key = '', value = 'true'] = part.split('=')
    if (!key) return undefined
    labels[key] = value
  }
  return labels
}

function JoinBody({ onClose, node }: { onClose: () => void; node: Node | undefined }) {
  const [token, setToken] = useState<NewJoinToken>()
  const [life, setLife] = useState(3600)
  const [uses, setUses] = useState('1')
  const [range, setRange] = useState('25565-25664')
  const [labels, setLabels] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const off = node ? takeBackOff(node) : false
  const wrongRange = portRange(range) ? undefined : t('range.wrong')

  async function make(local: boolean) {
    const port_range = portRange(range)
    if (!port_range || busy || off !== false) return
    setBusy(true)
    setError(undefined)
    try {
      setToken(
        await must(
          api.POST('/nodes/tokens', {
            ...(local ? { params: { query: { local: true } } } : {}),
            // A node that is taken back keeps its ports and labels, and is taken back once.
            body: node
              ? { node: node.id, uses: 1, expires_in_s: life }
              : {
                  uses: Math.min(1000, Math.max(1, Number(uses) || 1)),
                  expires_in_s: life,
                  port_range,
                  ...(labels.trim() ? { labels: labelsOf(labels) ?? {} } : {}),
                },
          }),
        ),
      )
      void queryClient.invalidateQueries({ queryKey: keys.tokens })
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }

  if (token)
    return <Waiting token={token} back={node} onClose={onClose} onAgain={() => setToken(undefined)} />
  const loopback = isProblem(error, 'no_public_address')
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        void make(false)
      }}
      className="flex flex-col gap-4"
    >
      {node && <TakenBack node={node} />}
      {node?.state === 'online' && (
        <Banner family="warn" shape="look" title={t('connected', { name: node.name })}>
          {t('connected.note')}
        </Banner>
      )}
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {!node && (
          <>
            <Field label={t('range')} help={t('range.help')} error={wrongRange}>
              {(ids) => (
                <Input {...ids} code value={range} onChange={(event) => setRange(event.target.value)} />
              )}
            </Field>
            <Field label={t('labels')} note={t('optional')} help={t('labels.help')}>
              {(ids) => <Input {...ids} value={labels} onChange={(event) => setLabels(event.target.value)} />}
            </Field>
          </>
        )}
        <Field label={t('works_for')}>
          {(ids) => (
            <Select {...ids} value={life} onChange={(event) => setLife(Number(event.target.value))}>
              {LIVES.map((hours) => (
                <option key={hours} value={hours * HOUR_S}>
                  {lifeText(hours)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {!node && (
          <Field label={t('machines')} help={t('machines.help')}>
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={1000}
                value={uses}
                onChange={(event) => setUses(event.target.value)}
              />
            )}
          </Field>
        )}
      </div>
      {loopback ? (
        <Banner
          family="warn"
          shape="look"
          title={t('no_address')}
          actions={
            <Button size="sm" onClick={() => void make(true)}>
              {t('local_only')}
            </Button>
          }
        >
          {error instanceof Error ? error.message : ''}
        </Banner>
      ) : (
        <FormProblem error={error} />
      )}
      <DialogFoot note={node ? t('foot_back', { name: node.name }) : t('foot')}>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy} off={off}>
          {t('make')}
        </Button>
      </DialogFoot>
    </form>
  )
}

/** What stays and what goes, before somebody makes the command. */
function TakenBack({ node }: { node: Node }) {
  return <p className="text-t2">{t('keeps', { name: node.name, n: node.servers.total })}</p>
}

type StepState = 'done' | 'now' | 'later'

function Step({
  state,
  title,
  note,
  time,
}: {
  state: StepState
  title: string
  note?: ReactNode
  time?: string
}) {
  return (
    <li className="relative grid grid-cols-[20px_1fr_auto] gap-3 pb-3.5 leading-5 before:absolute before:top-[22px] before:bottom-[-2px] before:left-[9.5px] before:w-px before:bg-line-2 last:pb-0 last:before:hidden">
      <span
        className={cx(
          'state-change inline-flex size-5 items-center justify-center rounded-pill border',
          state === 'done' && 'border-run-line bg-run-tint text-run-fg',
          state === 'now' && 'border-move-line bg-move-tint text-move-fg',
          state === 'later' && 'border-line-2 text-t3',
        )}
      >
        {state === 'done' && <Check aria-hidden="true" size={12} strokeWidth={2.25} />}
        {state === 'now' && <Spinner size={10} />}
      </span>
      <div className="min-w-0">
        <span
          className={cx(state === 'later' ? 'text-t2' : 'font-medium', state === 'now' && 'text-move-fg')}
        >
          {title}
        </span>
        {note && <div className="truncate text-12 text-t3">{note}</div>}
      </div>
      {time && <span className="num text-12 leading-5 text-t3">{time}</span>}
    </li>
  )
}

function Waiting({
  token,
  back,
  onClose,
  onAgain,
}: {
  token: NewJoinToken
  back: Node | undefined
  onClose: () => void
  onAgain: () => void
}) {
  const navigate = useNavigate()
  const now = useNow()
  const began = useRef(Date.now())
  const [way, setWay] = useState<'install' | 'hand'>('install')
  const { node, online } = useArrival(token.id, back?.id)
  const left = Date.parse(token.expires_at) - now

  async function revoke() {
    try {
      await must(api.DELETE('/nodes/tokens/{id}', { params: { path: { id: token.id } } }))
      void queryClient.invalidateQueries({ queryKey: keys.tokens })
      onClose()
    } catch (error) {
      toast.error(t('revoke_failed'), error)
    }
  }

  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {token.install_command && (
          <Segmented
            label={t('way')}
            small
            value={way}
            choices={[
              { value: 'install', label: t('way.install') },
              { value: 'hand', label: t('way.hand') },
            ]}
            onChange={setWay}
          />
        )}
        <span className="flex-1" />
        <span className="flex items-center gap-1.5 text-12 text-t2">
          <Timer aria-hidden="true" size={14} strokeWidth={1.75} />
          {left > 0 ? (
            <span>
              {t.rich('left', {
                b: (inner) => <span className="num font-medium text-t1">{inner}</span>,
                span: duration(left),
              })}
            </span>
          ) : (
            <span className="text-warn-fg">{t('left.none')}</span>
          )}
          <button type="button" onClick={onAgain} className="hit ml-1 min-h-6 font-medium text-accent">
            {t('new_one')}
          </button>
        </span>
      </div>
      <CommandBox text={(way === 'install' && token.install_command) || token.command} primary />
      <p className="mt-2 text-12 text-t3">{t('shown_once')}</p>
      <ol className="mt-4 rounded-box border border-line-2 p-4" aria-live="polite">
        <Step
          state={node ? 'done' : 'now'}
          title={t(node ? 'step.run' : 'waiting')}
          note={
            node
              ? t('step.asked', { host: node.host.hostname })
              : t('step.waits', { span: duration(now - began.current) })
          }
          {...(node && !back ? { time: clock(Date.parse(node.created_at)) } : {})}
        />
        <Step
          state={node ? 'done' : 'later'}
          title={
            back
              ? t('step.taken_back', { name: back.name })
              : node
                ? t('step.registered_as', { name: node.name })
                : t('step.registered')
          }
          note={node ? hostWords(node) : undefined}
        />
        <Step
          state={online ? 'done' : node ? 'now' : 'later'}
          title={t(node && !online ? 'step.connecting' : 'step.connected')}
          note={
            online
              ? node.rtt_ms != null
                ? t('step.own_key_rtt', { ms: Math.round(node.rtt_ms) })
                : t('step.own_key')
              : undefined
          }
        />
        <Step
          state={online ? 'done' : 'later'}
          title={t(online ? 'step.ready_for' : 'step.ready')}
          note={
            online && node.conditions.length > 0
              ? node.conditions.map((c) => visible(c.message)).join(' ')
              : undefined
          }
        />
      </ol>
      <DialogFoot note={t(back ? 'may_close_back' : 'may_close')}>
        {!node && <Button onClick={() => void revoke()}>{t('revoke')}</Button>}
        <Button
          look={node ? 'primary' : 'secondary'}
          onClick={() => {
            onClose()
            if (node && !back) void navigate({ to: '/nodes/$node', params: { node: node.id } })
          }}
        >
          {node && !back ? t('open', { name: node.name }) : node ? t('done') : common('close')}
        </Button>
      </DialogFoot>
    </div>
  )
}

export function hostWords(node: Node): string {
  return [
    t('threads', { n: node.host.cpus }),
    bytesText(node.host.memory_bytes, true),
    node.host.os,
    node.host.cgroup_version > 0 && t('cgroup', { version: node.host.cgroup_version }),
  ]
    .filter(Boolean)
    .join(' · ')
}
