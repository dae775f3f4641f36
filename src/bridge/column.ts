import { type Data, type DataType, Vector } from 'apache-arrow';

/** What vectors of one type have in common. */
interface Common {
  readonly prototype: object;
  readonly stride: number;
  readonly numChildren: number;
}

/** What a vector of several chunks has of its own; its functions are its prototype's. */
const OWN = ['_offsets', 'data', 'type', 'stride', 'numChildren', 'length'];

const commons = new WeakMap<DataType, Common | null>();

/**
 * A vector over one chunk, made as Arrow makes those over several. Arrow's constructor gives a vector over one chunk functions of its own, which V8
 * allocates among its old objects (it does so with every function literal that is assigned to a property); they keep the chunk, and so the
 * memory of a batch that was forgotten, until the next full garbage collection. Indices must be in range, as ever. Where Arrow's vectors are not as expected, one of them.
 */
export function columnVector<T extends DataType>(data: Data<T>): Vector<T> {
  const common = commonOf(data);
  if (!common) return new Vector([data]);
  const vector = Object.create(common.prototype);
  vector._offsets = [0, data.length];
  vector.data = [data];
  vector.type = data.type;
  vector.stride = common.stride;
  vector.numChildren = common.numChildren;
  vector.length = data.length;
  return vector;
}

function commonOf(data: Data): Common | null {
  const { type } = data;
  let common = commons.get(type);
  if (common === undefined) {
    const vector = new Vector([data, data]);
    const { stride, numChildren } = vector;
    const isAsExpected = Object.keys(vector).join() === OWN.join();
    common = isAsExpected ? { prototype: Object.getPrototypeOf(vector), stride, numChildren } : null;
    commons.set(type, common);
  }
  return common;
}
