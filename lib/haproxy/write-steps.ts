import { backendLines, parked, settingsHash, slotOptions } from '../model/section.ts';
import { changeSlot } from '../model/slots.ts';
import type { SlotStep, Step, StepOf } from '../model/step.ts';
import { isIpLiteral } from '../model/instance.ts';
import type { SlotView } from '../model/view.ts';
import type { RuntimeAction } from './client-actions.ts';
import {
  appendLines,
  cutSection,
  firstWord,
  nameSections,
  parseConfig,
  renderConfig,
  type Section,
} from './config-text.ts';
import { readSlot, writeBackendMark, writeSlot } from './marks.ts';
import { installRouting, type MapPaths } from './routing.ts';

export interface Written {
  readonly text: string;
  /** What makes the running process say the same as the text, where nothing structural changed. */
  readonly actions: readonly RuntimeAction[];
}

/** Writes steps into a configuration text; everything that is not ours stays to the byte, but for names that sections lack. Map rows are not its business. */
export function writeSteps(text: string, steps: readonly Step[], owner: string, paths: MapPaths): Written {
  const sections = nameSections(parseConfig(text));
  const backends = new Map(sections.filter(({ kind }) => kind === 'backend').map((section) => [section.name, section]));
  const frontends = new Map(
    sections.filter(({ kind }) => kind === 'frontend').map((section) => [section.name, section]),
  );
  const actions: RuntimeAction[] = [];

  for (const step of steps) {
    switch (step.kind) {
      case 'create-backend': {
        const section = createBackend(step, owner);
        sections.push(section);
        backends.set(step.backend, section);
        break;
      }
      case 'update-backend':
        updateBackend(sectionOf(backends, step.backend), step, owner);
        break;
      case 'remove-backend': {
        const section = backends.get(step.backend);
        if (section !== undefined) cutSection(sections, section);
        backends.delete(step.backend);
        break;
      }
      case 'grow-slots':
        appendLines(sectionOf(backends, step.backend), freeSlots(step, owner));
        break;
      case 'update-slots':
        editSlots(sectionOf(backends, step.backend), owner, step.slots, (slot) => ({
          ...slot,
          options: slotOptions(step.slotSettings),
        }));
        break;
      case 'remove-slots': {
        const section = sectionOf(backends, step.backend);
        section.lines = section.lines.filter((line) => !step.slots.includes(readSlot(owner, line)?.name ?? ''));
        break;
      }
      case 'fill-slot':
      case 'drain-slot':
      case 'free-slot':
      case 'weigh-slot':
        editSlots(sectionOf(backends, step.backend), owner, [step.slot], (slot) => changeSlot(slot, step));
        actions.push(...runtimeActions(step));
        break;
      case 'install-routing': {
        const section = frontends.get(step.frontend);
        if (section !== undefined) installRouting(section, owner, paths);
        break;
      }
      case 'set-route':
      case 'delete-route':
        break;
      default:
        step satisfies never;
    }
  }
  return { text: renderConfig(sections), actions };
}

/**
 * What a step is to the process. Address and weight before state: a slot that is made ready first gets requests for its
 * old address. A freed slot is parked in the process too.
 */
export function runtimeActions(step: SlotStep): readonly RuntimeAction[] {
  const at = { backend: step.backend, server: step.slot } as const;
  switch (step.kind) {
    case 'fill-slot':
      return [
        ...(isIpLiteral(step.address)
          ? [{ kind: 'address', ...at, address: step.address, port: step.port } as const]
          : []),
        { kind: 'weight', ...at, weight: step.weight },
        { kind: 'state', ...at, state: 'ready' },
      ];
    case 'drain-slot':
      return [{ kind: 'state', ...at, state: 'drain' }];
    case 'free-slot':
      return [
        { kind: 'state', ...at, state: 'maint' },
        { kind: 'address', ...at, ...parked },
      ];
    case 'weigh-slot':
      return [{ kind: 'weight', ...at, weight: step.weight }];
    default:
      return step satisfies never;
  }
}

function createBackend(step: StepOf<'create-backend'>, owner: string): Section {
  const { backend, settings } = step;
  const header = `backend ${backend}${settings.from === '' ? '' : ` from ${settings.from}`}`;
  return {
    kind: 'backend',
    name: backend,
    from: settings.from,
    lines: [header, ...bodyLines(step, owner), ...freeSlots(step, owner), ''],
  };
}

/** The section is ours: everything but its slots is written anew. */
function updateBackend(section: Section, step: StepOf<'update-backend'>, owner: string): void {
  const options = slotOptions(step.slotSettings);
  const slots = section.lines.flatMap((line) => readSlot(owner, line) ?? []);
  const last = section.lines.findLastIndex((line) => firstWord(line) !== '');
  const header = `backend ${step.backend}${step.settings.from === '' ? '' : ` from ${step.settings.from}`}`;
  section.lines = [
    header,
    ...bodyLines(step, owner),
    ...slots.map((slot) => writeSlot(owner, { ...slot, service: step.service, options })),
    ...section.lines.slice(last + 1),
  ];
}

function bodyLines(step: StepOf<'create-backend' | 'update-backend'>, owner: string): readonly string[] {
  const { service, settings, slotSettings } = step;
  const mark = writeBackendMark(owner, { service, hash: settingsHash(settings, slotSettings) });
  return [mark, ...backendLines(settings)].map((line) => `  ${line}`);
}

function freeSlots(step: StepOf<'create-backend' | 'grow-slots'>, owner: string): readonly string[] {
  const options = slotOptions(step.slotSettings);
  return step.slots.map((name) =>
    writeSlot(owner, { name, service: step.service, state: 'free', ...parked, weight: 100, alloc: '', options }),
  );
}

function editSlots(
  section: Section,
  owner: string,
  names: readonly string[],
  edit: (slot: SlotView) => SlotView,
): void {
  const wanted = new Set(names);
  section.lines = section.lines.map((line) => {
    if (!wanted.has(/^\s*server\s+(\S+)/.exec(line)?.[1] ?? '')) return line;
    const slot = readSlot(owner, line);
    return slot === undefined ? line : writeSlot(owner, edit(slot));
  });
}

/** A plan names only what its view has; anything else is a bug. */
function sectionOf(backends: ReadonlyMap<string, Section>, name: string): Section {
  const section = backends.get(name);
  if (section === undefined) throw new Error(`no backend ${name} in the text that steps are written into`);
  return section;
}
