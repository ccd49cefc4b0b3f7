import type { TensorCourse } from "../tensor/course.js";
import type { ModelTensor } from "../tensor/tensor.js";

// Data that lies in another order than its tensor says can be read at any place, but slowly. Who reads all of it has it put in
// order first.

/** Does work with a tensor that is quick to read. Putting it in order is the first half of the course. */
export type Arrange = <R>(
  work: (tensor: ModelTensor, course: TensorCourse) => Promise<R>,
  course: TensorCourse,
) => Promise<R>;

const arranges = new WeakMap<object, Arrange>();

/** Lets a tensor be put in order; gives it back. */
export function arrangedBy(tensor: ModelTensor, arrange: Arrange | undefined): ModelTensor {
  if (arrange) arranges.set(tensor, arrange);
  return tensor;
}

/** Does work with a tensor, or with anything else, in order. It is no longer of use when the promise settles. */
export function arranged<T extends object, R>(
  tensor: T,
  course: TensorCourse,
  work: (tensor: T | ModelTensor, course: TensorCourse) => Promise<R>,
): Promise<R> {
  return arranges.get(tensor)?.(work, course) ?? work(tensor, course);
}
