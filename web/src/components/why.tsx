import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { permissionsQuery, type WhyAsk, whyQuery } from '~/api/people'
import { nodesQuery } from '~/api/queries'
import type { Person } from '~/api/types'
import type { Picked } from '~/forms/pick'
import { PickServer } from '~/forms/pick-server'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Field, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { Spinner } from '~/ui/spinner'
import { useSlow } from '~/ui/wait'
import { rightText } from '~/util/right-text'
import { sectionsOf } from '~/util/rights'
import { ProblemView } from './problem-view'
import { WhyAnswer } from './why-answer'

const t = texts('why')
const form = texts('form_parts')

type Where = 'panel' | 'server' | 'node'

const PLACES: Where[] = ['panel', 'server', 'node']

/** Says whether somebody may do something, and everything that gives them that right. */
export function WhyCard({ person }: { person: Person }) {
  const permissions = useQuery(permissionsQuery)
  const { may } = useMay()
  const [key, setKey] = useState('')
  const [where, setWhere] = useState<Where>('panel')
  const [server, setServer] = useState<Picked>()
  const [node, setNode] = useState('')
  const nodes = useQuery({ ...nodesQuery, enabled: where === 'node' && may('node.read') })
  const ready = key !== '' && (where === 'panel' || (where === 'server' ? server !== undefined : node !== ''))
  const ask: WhyAsk = {
    key,
    ...(where === 'server' && server ? { server: server.id } : {}),
    ...(where === 'node' && node ? { node } : {}),
  }
  return (
    <Card>
      <CardHead title={t('title')} />
      <div className="flex flex-col gap-4 p-4">
        <Field label={t('right')}>
          {(ids) => (
            <Select {...ids} value={key} onChange={(event) => setKey(event.target.value)}>
              <option value="">{form('choose_one')}</option>
              {sectionsOf(permissions.data?.keys ?? []).flatMap(({ set, title, groups }) =>
                groups.map((group) => (
                  <optgroup
                    key={set + group.word}
                    label={groups.length > 1 ? t('group', { section: title, group: group.title }) : title}
                  >
                    {group.keys.map((each) => (
                      <option key={each.key} value={each.key}>
                        {t('option', { what: rightText(each).replace(/\..*$/, ''), key: each.key })}
                      </option>
                    ))}
                  </optgroup>
                )),
              )}
            </Select>
          )}
        </Field>
        <div>
          <div className="mb-1.5 font-medium">{t('on')}</div>
          <Segmented
            label={t('on')}
            value={where}
            choices={PLACES.filter((value) => value !== 'node' || may('node.read')).map((value) => ({
              value,
              label: t(`place.${value}`),
            }))}
            onChange={setWhere}
          />
        </div>
        {where === 'server' && <PickServer picked={server} onPick={setServer} />}
        {where === 'node' && (
          <Field label={t('node')}>
            {(ids) => (
              <Select {...ids} value={node} onChange={(event) => setNode(event.target.value)}>
                <option value="">{form('choose_one')}</option>
                {nodes.data?.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <div aria-live="polite" className="min-h-14 border-t border-line pt-3">
          {ready ? (
            <Answer key={JSON.stringify(ask)} person={person} ask={ask} />
          ) : (
            <p className="text-t3">{t('note')}</p>
          )}
        </div>
      </div>
    </Card>
  )
}

function Answer({ person, ask }: { person: Person; ask: WhyAsk }) {
  const why = useQuery(whyQuery(person.id, ask))
  const slow = useSlow()
  if (why.isError) return <ProblemView error={why.error} onRetry={() => void why.refetch()} />
  if (!why.data) return slow ? <Spinner /> : null
  return <WhyAnswer name={person.username} why={why.data} />
}
