import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { asProblem } from '~/api/problem'
import { changePorts } from '~/api/server-ports'
import type { Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { certainPort, MOST_EXTRA, newPorts, portTrouble } from '~/util/port-rules'

const t = texts('server_settings')
const common = texts('common')

export function PortAddDialog({
  server,
  open,
  onClose,
}: {
  server: Server
  open: boolean
  onClose: () => void
}) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={t('port_add.title')}
      note={t('port_add.note', { node: server.node.name })}
    >
      {open && <PortAddForm server={server} onClose={onClose} />}
    </Dialog>
  )
}

function PortAddForm({ server, onClose }: { server: Server; onClose: () => void }) {
  const [way, setWay] = useState<'any' | 'certain'>('any')
  const [extra, setExtra] = useState('1')
  const [port, setPort] = useState('')
  const [ip, setIp] = useState('')
  const most = MOST_EXTRA + 1 - server.allocations.length
  const count = Number(extra)
  const chosen = certainPort(port)
  const add = useMutation({
    mutationFn: () =>
      changePorts(
        server,
        way === 'any' || 'wrong' in chosen
          ? { extra: count }
          : { add: [{ port: chosen.port, ...(ip ? { ip } : {}) }] },
      ),
    onSuccess: (fresh) => {
      const added = newPorts(server.allocations, fresh.allocations)
      toast.done(
        t('port_add.done', { n: added.length, ports: added.join(', ') }),
        server.state === 'running' ? t('port_add.later') : undefined,
      )
      onClose()
    },
  })
  const trouble = add.error
    ? portTrouble(asProblem(add.error), { port: way === 'certain' ? port : '', ip, node: server.node.name })
    : undefined
  const errorOf = (field: string) => (trouble?.field === field ? trouble.text : undefined)
  const fits = Number.isInteger(count) && count >= 1 && count <= most
  const wanting =
    way === 'any'
      ? fits
        ? false
        : t('port_add.between', { most })
      : port === ''
        ? t('port_add.needed')
        : 'wrong' in chosen
          ? chosen.wrong
          : false
  // A refusal is said beside a field that is on screen, or else below them all.
  const shown = way === 'any' ? ['extra'] : ['port', 'ip']
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting === false && !add.isPending) add.mutate()
      }}
    >
      <div>
        <Segmented
          label={t('port_add.which')}
          value={way}
          choices={[
            { value: 'any', label: t('port_add.any') },
            { value: 'certain', label: t('port_add.certain') },
          ]}
          onChange={(next) => {
            setWay(next)
            add.reset()
          }}
        />
      </div>
      {way === 'any' ? (
        <Field
          label={t('port_add.many')}
          help={t('port_add.many_help')}
          error={errorOf('extra') ?? (extra !== '' && !fits ? t('port_add.between', { most }) : undefined)}
        >
          {(ids) => (
            <Input
              {...ids}
              type="number"
              min={1}
              max={most}
              value={extra}
              onChange={(event) => setExtra(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
          <Field
            label={t('port_add.port')}
            error={errorOf('port') ?? (port !== '' && 'wrong' in chosen ? chosen.wrong : undefined)}
          >
            {(ids) => (
              <Input
                {...ids}
                autoFocus
                inputMode="numeric"
                value={port}
                onChange={(event) => setPort(event.target.value.trim())}
              />
            )}
          </Field>
          <Field
            label={t('port_add.ip')}
            note={t('optional')}
            help={t('port_add.ip_help')}
            error={errorOf('ip')}
          >
            {(ids) => (
              <Input
                {...ids}
                code
                value={ip}
                placeholder="0.0.0.0"
                onChange={(event) => setIp(event.target.value.trim())}
              />
            )}
          </Field>
        </div>
      )}
      {trouble && !shown.includes(trouble.field ?? '') && <FormProblem error={add.error} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={add.isPending} off={wanting}>
          {t(way === 'any' && count > 1 ? 'port_add.verb_many' : 'ports.add')}
        </Button>
      </DialogFoot>
    </form>
  )
}
