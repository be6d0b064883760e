//! Faces: found, followed, aligned.

/// Axis-aligned box in pixels; may reach outside the frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Landmarks(pub [[f32; 2]; 5]);

/// Identity of a track, unique within a [`Protector`](crate::Protector) from one reset to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);
