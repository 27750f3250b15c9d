/* WebP through libwebp. Its animation decoder reads still images, too, and gives the EXIF block. */
#ifdef HAVE_libwebpdemux
#include <webp/decode.h>
#include <webp/demux.h>

#include "lib/base/err.h"
#include "lib/image/orientation.h"
#include "lib/photo/photo.h"

static int orientation_of(WebPAnimDecoder *decoder)
{
	WebPChunkIterator it;
	int orientation = 1;
	if (WebPDemuxGetChunk(WebPAnimDecoderGetDemuxer(decoder), "EXIF", 1, &it)) {
		orientation = exif_orientation(it.chunk.bytes, it.chunk.size);
		WebPDemuxReleaseChunkIterator(&it);
	}
	return orientation;
}

int webp_decode(struct image *im, const void *data, size_t size, struct image_notes *notes)
{
	WebPBitstreamFeatures f;
	WebPAnimDecoderOptions options;
	WebPData webp = {data, size};
	uint8_t *rgba;
	int time;
	if (WebPGetFeatures(data, size, &f) != VP8_STATUS_OK)
		return fail("damaged WebP");
	if ((uint64_t)f.width * (uint64_t)f.height > IMAGE_PIXELS_MAX)
		return fail("claims %dx%d pixels, more than %d Mpx", f.width, f.height,
		    IMAGE_PIXELS_MAX >> 20);
	WebPAnimDecoderOptionsInit(&options);
	options.color_mode = MODE_RGBA;
	WebPAnimDecoder *decoder = WebPAnimDecoderNew(&webp, &options);
	if (!decoder || !WebPAnimDecoderGetNext(decoder, &rgba, &time)) {
		WebPAnimDecoderDelete(decoder);
		return fail("damaged WebP");
	}
	*im = image_without_alpha(rgba, f.width, f.height);
	notes->orientation = orientation_of(decoder);
	notes->alpha = f.has_alpha;
	WebPAnimDecoderDelete(decoder);
	image_upright(im, notes->orientation);
	return 0;
}
#endif
