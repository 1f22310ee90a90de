import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { ArrowRight } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Node, Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { Warnings } from '~/components/transfer-warnings'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Choice } from '~/ui/choice'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { visible } from '~/util/visible'

const t = texts('transfers')

interface Props {
  server: Server
  nodes: Node[]
  onClose: () => void
}

/** Asks where a server goes, with which ports, and whether it may be stopped at once. */
export function TransferDialog({ open, ...rest }: Props & { open: boolean }) {
  return (
    <Dialog
      open={open}
      onClose={rest.onClose}
      title={t('dialog.title', { server: rest.server.name })}
      note={t('dialog.note')}
    >
      {open && <TransferForm {...rest} />}
    </Dialog>
  )
}

function TransferForm({ server, nodes, onClose }: Props) {
  const [node, setNode] = useState(nodes.find((one) => one.state === 'online')?.id ?? nodes[0]?.id ?? '')
  const [ports, setPorts] = useState<Record<number, string>>({})
  const [wait, setWait] = useState(false)
  const named = Object.entries(ports)
    .filter(([, to]) => to.trim() !== '')
    .map(([from, to]) => ({ from: Number(from), to: Number(to) }))
  const bad = (text: string) =>
    text.trim() !== '' && !(/^\d+$/.test(text.trim()) && Number(text) <= 65535 && Number(text) > 0)
  const wrong = Object.values(ports).some(bad)
  const ask = (dry_run: boolean) =>
    must(
      api.POST('/servers/{server}/transfer', {
        params: { path: { server: server.id } },
        body: { node, ports: named, wait, dry_run },
      }),
    )
  const plan = useQuery({
    queryKey: [...keys.server(server.id), 'transfer', 'plan', node, JSON.stringify(named)],
    queryFn: () => ask(true),
    enabled: node !== '' && !wrong,
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  })
  const begin = useMutation({
    mutationFn: () => ask(false),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: keys.server(server.id) })
      toast.done(t('begun'))
      onClose()
    },
  })
  const refused = begin.error ?? (plan.isError ? plan.error : undefined)
  const shown = plan.isError ? undefined : plan.data?.plan
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (shown && !wrong && !begin.isPending) begin.mutate()
      }}
    >
      <Field label={t('field.node')}>
        {(field) => (
          <Select {...field} value={node} onChange={(event) => setNode(event.target.value)}>
            {nodes.map((one) => (
              <option key={one.id} value={one.id}>
                {one.state === 'online' ? visible(one.name) : t('field.away', { node: visible(one.name) })}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {shown && shown.ports.length > 0 && (
        <fieldset className="min-w-0">
          <legend className="mb-1.5 flex items-baseline gap-1.5">
            <span className="font-medium">{t('field.ports')}</span>
            <span className="text-t3">{t('field.ports_note')}</span>
          </legend>
          <ul className="flex max-h-60 flex-col gap-2 overflow-y-auto rounded-box border border-line-2 p-3">
            {shown.ports.map((port) => (
              <li key={port.from} className="flex items-center gap-3">
                <span className="mono num w-12 text-right text-12">{port.from}</span>
                <ArrowRight aria-hidden="true" size={14} className="shrink-0 text-t3" />
                <Input
                  code
                  aria-label={t('field.port', { port: String(port.from) })}
                  inputMode="numeric"
                  maxLength={5}
                  autoComplete="off"
                  className="num w-32"
                  value={ports[port.from] ?? ''}
                  placeholder={port.to == null ? t('field.any') : String(port.to)}
                  aria-invalid={bad(ports[port.from] ?? '') || undefined}
                  onChange={(event) => setPorts({ ...ports, [port.from]: event.target.value })}
                />
              </li>
            ))}
          </ul>
        </fieldset>
      )}
      <Choice checked={wait} onChange={setWait} label={t('field.wait')} help={t('field.wait_help')} />
      {shown && <Warnings warnings={shown.warnings} />}
      {refused && <FormProblem error={asProblem(refused)} />}
      <DialogFoot note={t('dialog.stops')}>
        <Button onClick={onClose}>{t('close')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={begin.isPending}
          off={(!shown || wrong) && t('not_possible')}
        >
          {t('begin')}
        </Button>
      </DialogFoot>
    </form>
  )
}
